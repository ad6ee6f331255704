"""Functions that generated modules carry along, by library: what it lacks, in a form that does not overflow."""

from __future__ import annotations

NUMPY_HELPERS = {
    "_arrays": '''
def _arrays(**arguments):
    """The arguments in the floating type that they promote to."""
    types = []
    for name, value in arguments.items():
        try:
            array = np.asarray(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(f"{name} is not an array: {error}") from None
        if isinstance(value, np.ma.MaskedArray) and value.mask.any():
            raise ValueError(f"{name} has masked entries; fill them first")
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} must be real numbers, not {array.dtype}")
        types.append(value if type(value) in (int, float) else array.dtype)
    dtype = np.result_type(*types)
    if dtype.kind != "f":
        dtype = np.dtype(np.float64)
    return [np.asarray(value, dtype=dtype)[()] for value in arguments.values()]
''',
    "_own": '''
def _own(A):
    """A copy, or the argument itself where it is read-only and nobody else's."""
    is_fixed = not A.flags.writeable and A.flags.owndata
    return A if is_fixed else A.copy()
''',
    "_same": '''
def _same(A, held):
    """Whether an argument has the entries of one before it; what is read-only is known by itself."""
    if A is held and not A.flags.writeable:
        return True
    return A is not held and A.dtype == held.dtype and np.array_equal(A, held)
''',
    "_empty": '''
def _empty(shape, dtype):
    """An array that begins on a cache line."""
    size = int(np.prod(shape)) * dtype.itemsize
    held = np.empty(size + 64, dtype=np.uint8)
    start = -held.ctypes.data % 64
    return held[start : start + size].view(dtype).reshape(shape)
''',
    "_row_blocks": '''
def _row_blocks(left, A):
    """The rows of both, a few at a time past the cache or if they lie a multiple of a page apart and share its sets."""
    shares = A.shape[1] * A.itemsize % 4096 == 0
    step = 16 if shares or A.size > 2**18 else max(len(A), 1)
    return [(left[i : i + step], A[i : i + step]) for i in range(0, len(A), step)]
''',
    "_sigmoid": '''
def _sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)
''',
    "_softplus": '''
def _softplus(x):
    """log(1 + exp(x)), without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
''',
    "_norm": '''
def _norm(x):
    """The root of the sum of squares, without overflow."""
    square = np.vdot(x, x)
    if 1e-30 < square < 1e30:
        return np.sqrt(square)
    scale = np.abs(x).max(initial=0)
    if not 0 < scale < np.inf:
        return scale
    x = x / scale
    return scale * np.sqrt(np.vdot(x, x))
''',
    "_hypot": '''
def _hypot(a, x):
    """sqrt(a**2 + x**2), without overflow."""
    if np.ndim(a) == 0 and abs(a) < 1e15:
        if np.max(x, initial=0) < 1e15 and np.min(x, initial=0) > -1e15:
            return np.sqrt(a * a + x * x)
    return np.hypot(a, x)
''',
    "_softmax": '''
def _softmax(x):
    """exp(x) / sum(exp(x)), without overflow."""
    e = np.exp(x - x.max(initial=-np.inf))
    return e / e.sum()
''',
    "_logsumexp": '''
def _logsumexp(x):
    """log(sum(exp(x))), without overflow."""
    largest = x.max(initial=-np.inf)
    return largest + np.log(np.exp(x - largest).sum())
''',
    "_row_softmax": '''
def _row_softmax(x):
    """The softmax of each row, without overflow."""
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
''',
    "_row_logsumexp": '''
def _row_logsumexp(x):
    """log(sum(exp(row))) of each row, without overflow."""
    largest = x.max(axis=1)
    return largest + np.log(np.exp(x - largest[:, None]).sum(axis=1))
''',
    "_erf": '''
def _erf(x):
    """The error function of each entry."""
    return np.vectorize(math.erf, otypes=[x.dtype])(x)[()]
''',
    "_commutation": '''
def _commutation(m, n, like):
    """K with K vec(A) = vec(A.T) for A of shape m x n."""
    order = np.arange(m * n).reshape(n, m).T.ravel()
    return np.eye(m * n, dtype=like.dtype)[order]
''',
    "_inverse": '''
def _inverse(A, name):
    """The inverse; NaN gives NaN."""
    try:
        return np.linalg.inv(A)
    except np.linalg.LinAlgError:
        if np.isnan(A).any():
            return np.full_like(A, np.nan)
        raise ValueError(f"{name} is singular; expected an invertible matrix") from None
''',
    "_solve": '''
def _solve(A, B, name):
    """The solution X of A X = B; NaN gives NaN."""
    try:
        return np.linalg.solve(A, B)
    except np.linalg.LinAlgError:
        if np.isnan(A).any():
            return np.full_like(B, np.nan)
        raise ValueError(f"{name} is singular; expected an invertible matrix") from None
''',
    "_cholesky": '''
def _cholesky(A, name):
    """The lower Cholesky factor; NaN gives NaN."""
    try:
        return np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        if np.isnan(A).any():
            return np.full_like(A, np.nan)
        raise ValueError(f"{name} is not positive definite") from None
''',
    "_inverse_of_triangle": '''
def _inverse_of_triangle(L):
    """The inverse of a lower triangular matrix, by halves."""
    n = len(L)
    if n <= 64:
        return np.tril(np.linalg.inv(L))
    k = n // 2
    inverse = np.zeros_like(L)
    inverse[:k, :k] = _inverse_of_triangle(L[:k, :k])
    inverse[k:, k:] = _inverse_of_triangle(L[k:, k:])
    inverse[k:, :k] = -inverse[k:, k:] @ (L[k:, :k] @ inverse[:k, :k])
    return inverse
''',
    "_cholesky_inverse": '''
def _cholesky_inverse(L, A):
    """The inverse of A = L @ L.T; large ones from the inverse of L."""
    if len(A) < 192:
        return np.linalg.inv(A)
    inverse = _inverse_of_triangle(L)
    return inverse.T @ inverse
''',
    "_logdet_positive": '''
def _logdet_positive(A):
    """log(det(A)), NaN where the determinant is negative."""
    sign, logarithm = np.linalg.slogdet(A)
    return logarithm if sign >= 0 else logarithm.dtype.type(np.nan)
''',
    "_block_inner": '''
def _block_inner(G, B):
    """Entry (i, j) is the inner product of block (i, j) of G with B."""
    p, q = B.shape
    return np.einsum("ipjq,pq->ij", G.reshape(-1, p, G.shape[1] // q, q), B)
''',
    "_block_sum": '''
def _block_sum(G, A):
    """The sum over i, j of A[i, j] times block (i, j) of G."""
    m, n = A.shape
    return np.einsum("ipjq,ij->pq", G.reshape(m, -1, n, G.shape[1] // n), A)
''',
    "_singular_values": '''
def _singular_values(A):
    """The singular values; NaN gives NaN."""
    if np.isnan(A).any():
        return np.full(min(A.shape), np.nan, dtype=A.dtype)
    return np.linalg.svd(A, compute_uv=False)
''',
    "_polar": '''
def _polar(A):
    """U V' of the singular value decomposition A = U S V'."""
    if np.isnan(A).any():
        return np.full_like(A, np.nan)
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return U @ Vt
''',
    "_dominant": '''
def _dominant(A):
    """u v' of the largest singular value."""
    if np.isnan(A).any() or not A.size:
        return np.full_like(A, np.nan)
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return np.outer(U[:, 0], Vt[0])
''',
    "_expm": '''
def _expm(A):
    """The matrix exponential: Pade approximant of degree 13, scaling and squaring."""
    norm = np.abs(A).sum(axis=0).max(initial=0)
    if not np.isfinite(norm):
        return np.full_like(A, np.nan)
    squarings = max(0, math.ceil(math.log2(norm / 4.25))) if norm > 4.25 else 0
    A = A / 2**squarings
    b = [math.factorial(26 - k) * math.comb(13, k) for k in range(14)]
    b = [c / b[0] for c in b]
    A2 = A @ A
    powers = [np.eye(len(A), dtype=A.dtype)]
    for _ in range(6):
        powers.append(powers[-1] @ A2)
    odd = A @ sum(b[2 * k + 1] * P for k, P in enumerate(powers))
    even = sum(b[2 * k] * P for k, P in enumerate(powers))
    X = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        X = X @ X
    return X
''',
}

SCIPY_HELPERS = NUMPY_HELPERS | {
    "_cholesky": '''
def _cholesky(A, name):
    """The upper Cholesky factor, in Fortran order; NaN gives NaN."""
    potrf = lapack.spotrf if A.dtype == np.float32 else lapack.dpotrf
    # A symmetric C array is its own transpose in Fortran order: no copy turns it.
    R, info = potrf(A.T, lower=False)
    if info > 0:
        if np.isnan(A).any():
            return np.full_like(R, np.nan)
        raise ValueError(f"{name} is not positive definite")
    return R
''',
    "_add_outer": '''
def _add_outer(A, c, u, v):
    """A + c * outer(u, v), in A."""
    ger = blas.sger if A.dtype == np.float32 else blas.dger
    if A.flags.f_contiguous:
        return ger(c, u, v, a=A, overwrite_a=True)
    return ger(c, v, u, a=A.T, overwrite_a=True).T
''',
    "_cholesky_solve": '''
def _cholesky_solve(R, B):
    """The solution X of R.T @ R @ X = B."""
    potrs = lapack.spotrs if R.dtype == np.float32 else lapack.dpotrs
    return potrs(R, B, lower=False)[0]
''',
    "_cholesky_inverse": '''
def _cholesky_inverse(R):
    """The inverse of R.T @ R."""
    potri = lapack.spotri if R.dtype == np.float32 else lapack.dpotri
    inverse = potri(R, lower=False)[0].T
    for k in range(0, len(R), 128):
        block = inverse[k : k + 128, k : k + 128]
        diagonal = block.diagonal().copy()
        block += block.T  # the other triangle is zero
        block.flat[:: len(block) + 1] = diagonal
        if k:
            inverse[:k, k : k + 128] = inverse[k : k + 128, :k].T
    return inverse
''',
}

ARRAY_API_HELPERS = {
    "_norm": '''
def _norm(x):
    """The root of the sum of squares, without overflow."""
    xp = array_namespace(x)
    scale = xp.sum(xp.abs(x))
    usable = (scale > 0) & xp.isfinite(scale)
    scale = xp.where(usable, scale, xp.ones_like(scale))
    x = x / scale
    return scale * xp.sqrt(xp.sum(x * x))
''',
    "_arrays": '''
def _arrays(**arguments):
    """The arguments in the floating type that they promote to, and their namespace."""
    given = [v for v in arguments.values() if not isinstance(v, (int, float))]
    xp = array_namespace(*given) if given else array_api_compat.numpy
    where = device(given[0]) if given else None
    types = []
    for name, value in arguments.items():
        if isinstance(value, (int, float)):
            continue
        if xp.isdtype(value.dtype, "complex floating"):
            raise ValueError(f"{name} must be real numbers, not {value.dtype}")
        if xp.isdtype(value.dtype, "real floating"):
            types.append(value.dtype)
    if len(types) < len(given) or not types:
        types = [xp.float64]
    dtype = xp.result_type(*types)
    return [xp.asarray(v, dtype=dtype, device=where) for v in arguments.values()]
''',
    "_sigmoid": '''
def _sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    xp = array_namespace(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, xp.ones_like(e), e) / (1 + e)
''',
    "_softplus": '''
def _softplus(x):
    """log(1 + exp(x)), without overflow."""
    xp = array_namespace(x)
    positive = xp.where(x < 0, xp.zeros_like(x), x)
    return positive + xp.log1p(xp.exp(-xp.abs(x)))
''',
    "_softmax": '''
def _softmax(x):
    """exp(x) / sum(exp(x)), without overflow."""
    xp = array_namespace(x)
    e = xp.exp(x - xp.max(x))
    return e / xp.sum(e)
''',
    "_logsumexp": '''
def _logsumexp(x):
    """log(sum(exp(x))), without overflow."""
    xp = array_namespace(x)
    largest = xp.max(x)
    return largest + xp.log(xp.sum(xp.exp(x - largest)))
''',
    "_row_softmax": '''
def _row_softmax(x):
    """The softmax of each row, without overflow."""
    xp = array_namespace(x)
    e = xp.exp(x - xp.max(x, axis=1, keepdims=True))
    return e / xp.sum(e, axis=1, keepdims=True)
''',
    "_row_logsumexp": '''
def _row_logsumexp(x):
    """log(sum(exp(row))) of each row, without overflow."""
    xp = array_namespace(x)
    largest = xp.max(x, axis=1)
    return largest + xp.log(xp.sum(xp.exp(x - largest[:, None]), axis=1))
''',
    "_step": '''
def _step(x):
    """1 where positive, else 0; NaN stays."""
    xp = array_namespace(x)
    return xp.where(xp.isnan(x), x, xp.astype(x > 0, x.dtype))
''',
    "_commutation": '''
def _commutation(m, n, like):
    """K with K vec(A) = vec(A.T) for A of shape m x n."""
    xp = array_namespace(like)
    where = device(like)
    order = xp.reshape(xp.arange(m * n, device=where), (n, m)).T
    eye = xp.eye(m * n, dtype=like.dtype, device=where)
    return xp.take(eye, xp.reshape(order, (-1,)), axis=0)
''',
    "_cholesky": '''
def _cholesky(A, name):
    """The lower Cholesky factor; NaN gives NaN."""
    xp = array_namespace(A)
    try:
        return xp.linalg.cholesky(A)
    except (ValueError, RuntimeError):
        if bool(xp.any(xp.isnan(A))):
            return A * xp.nan
        raise ValueError(f"{name} is not positive definite") from None
''',
    "_cholesky_inverse": '''
def _cholesky_inverse(L):
    """The inverse of L @ L.T."""
    xp = array_namespace(L)
    inverse = xp.linalg.inv(L)
    return inverse.T @ inverse
''',
    "_logdet_positive": '''
def _logdet_positive(A):
    """log(det(A)), NaN where the determinant is negative."""
    xp = array_namespace(A)
    sign, logarithm = xp.linalg.slogdet(A)
    return xp.where(sign >= 0, logarithm, xp.nan * logarithm)
''',
    "_diagonal_matrix": '''
def _diagonal_matrix(x):
    """The diagonal matrix of a vector; NaN stays on the diagonal."""
    xp = array_namespace(x)
    eye = xp.eye(x.shape[0], dtype=x.dtype, device=device(x))
    return xp.where(eye == 1, x[None, :], eye)
''',
    "_kron": '''
def _kron(A, B):
    """The Kronecker product."""
    xp = array_namespace(A)
    if A.ndim == 1:
        return xp.reshape(A[:, None] * B[None, :], (-1,))
    (m, n), (p, q) = A.shape, B.shape
    product = A[:, None, :, None] * B[None, :, None, :]
    return xp.reshape(product, (m * p, n * q))
''',
    "_block": '''
def _block(rows):
    """The matrix of blocks given by rows."""
    xp = array_namespace(*rows[0])
    return xp.concat([xp.concat(row, axis=1) for row in rows], axis=0)
''',
    "_block_inner": '''
def _block_inner(G, B):
    """Entry (i, j) is the inner product of block (i, j) of G with B."""
    xp = array_namespace(G)
    p, q = B.shape
    blocks = xp.reshape(G, (G.shape[0] // p, p, G.shape[1] // q, q))
    return xp.sum(blocks * B[None, :, None, :], axis=(1, 3))
''',
    "_block_sum": '''
def _block_sum(G, A):
    """The sum over i, j of A[i, j] times block (i, j) of G."""
    xp = array_namespace(G)
    m, n = A.shape
    blocks = xp.reshape(G, (m, G.shape[0] // m, n, G.shape[1] // n))
    return xp.sum(blocks * A[:, None, :, None], axis=(0, 2))
''',
    "_singular_values": '''
def _singular_values(A):
    """The singular values; NaN gives NaN."""
    xp = array_namespace(A)
    if bool(xp.any(xp.isnan(A))):
        return A[0, :] * xp.nan
    return xp.linalg.svdvals(A)
''',
    "_polar": '''
def _polar(A):
    """U V' of the singular value decomposition A = U S V'."""
    xp = array_namespace(A)
    if bool(xp.any(xp.isnan(A))):
        return A * xp.nan
    U, _, Vt = xp.linalg.svd(A, full_matrices=False)
    return U @ Vt
''',
    "_dominant": '''
def _dominant(A):
    """u v' of the largest singular value."""
    xp = array_namespace(A)
    if bool(xp.any(xp.isnan(A))):
        return A * xp.nan
    U, _, Vt = xp.linalg.svd(A, full_matrices=False)
    return U[:, :1] @ Vt[:1, :]
''',
    "_expm": '''
def _expm(A):
    """The matrix exponential: Pade approximant of degree 13, scaling and squaring."""
    xp = array_namespace(A)
    norm = float(xp.max(xp.sum(xp.abs(A), axis=0)))
    if not math.isfinite(norm):
        return A * xp.nan
    squarings = max(0, math.ceil(math.log2(norm / 4.25))) if norm > 4.25 else 0
    A = A / 2.0**squarings
    b = [math.factorial(26 - k) * math.comb(13, k) for k in range(14)]
    b = [c / b[0] for c in b]
    A2 = A @ A
    powers = [xp.eye(A.shape[0], dtype=A.dtype, device=device(A))]
    for _ in range(6):
        powers.append(powers[-1] @ A2)
    odd = A @ sum(b[2 * k + 1] * P for k, P in enumerate(powers))
    even = sum(b[2 * k] * P for k, P in enumerate(powers))
    X = xp.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        X = X @ X
    return X
''',
}

JAX_HELPERS = {
    "_norm": '''
def _norm(x):
    """The root of the sum of squares, without overflow."""
    scale = jnp.sum(jnp.abs(x))
    usable = (scale > 0) & jnp.isfinite(scale)
    scale = jnp.where(usable, scale, jnp.ones_like(scale))
    x = x / scale
    return scale * jnp.sqrt(jnp.sum(x * x))
''',
    "_arrays": '''
def _arrays(**arguments):
    """The arguments in the floating type that they promote to."""
    dtype = jnp.result_type(*arguments.values())
    if jnp.issubdtype(dtype, jnp.complexfloating):
        for name, value in arguments.items():
            if jnp.iscomplexobj(value):
                raise ValueError(f"{name} must be real numbers, not {dtype}")
    if not jnp.issubdtype(dtype, jnp.floating):
        dtype = jnp.result_type(float)
    return [jnp.asarray(value, dtype=dtype) for value in arguments.values()]
''',
    "_commutation": '''
def _commutation(m, n, like):
    """K with K vec(A) = vec(A.T) for A of shape m x n."""
    order = jnp.arange(m * n).reshape(n, m).T.ravel()
    return jnp.eye(m * n, dtype=like.dtype)[order]
''',
    "_logdet_positive": '''
def _logdet_positive(A):
    """log(det(A)), NaN where the determinant is negative."""
    sign, logarithm = jnp.linalg.slogdet(A)
    return jnp.where(sign >= 0, logarithm, jnp.nan)
''',
    "_block_inner": NUMPY_HELPERS["_block_inner"].replace("np.", "jnp."),
    "_block_sum": NUMPY_HELPERS["_block_sum"].replace("np.", "jnp."),
    "_polar": '''
def _polar(A):
    """U V' of the singular value decomposition A = U S V'."""
    U, _, Vt = jnp.linalg.svd(A, full_matrices=False)
    return U @ Vt
''',
    "_dominant": '''
def _dominant(A):
    """u v' of the largest singular value."""
    U, _, Vt = jnp.linalg.svd(A, full_matrices=False)
    return jnp.outer(U[:, 0], Vt[0])
''',
}

TORCH_HELPERS = {
    "_norm": '''
def _norm(x):
    """The root of the sum of squares, without overflow."""
    scale = torch.sum(torch.abs(x))
    usable = (scale > 0) & torch.isfinite(scale)
    scale = torch.where(usable, scale, torch.ones_like(scale))
    x = x / scale
    return scale * torch.sqrt(torch.sum(x * x))
''',
    "_kron": '''
def _kron(A, B):
    """The Kronecker product, also with an axis of length 1."""
    if A.ndim == 1:
        return (A[:, None] * B[None, :]).reshape(-1)
    product = A[:, None, :, None] * B[None, :, None, :]
    return product.reshape(A.shape[0] * B.shape[0], A.shape[1] * B.shape[1])
''',
    "_arrays": '''
def _arrays(**arguments):
    """The arguments in the floating type that they promote to."""
    given = [v for v in arguments.values() if isinstance(v, torch.Tensor)]
    where = given[0].device if given else None
    dtype = given[0].dtype if given else torch.get_default_dtype()
    for name, value in arguments.items():
        if isinstance(value, torch.Tensor) and value.is_complex():
            raise ValueError(f"{name} must be real numbers, not {value.dtype}")
    for value in given:
        dtype = torch.promote_types(dtype, value.dtype)
    if not dtype.is_floating_point:
        dtype = torch.get_default_dtype()
    return [torch.as_tensor(v, dtype=dtype, device=where) for v in arguments.values()]
''',
    "_step": '''
def _step(x):
    """1 where positive, else 0; NaN stays."""
    return torch.where(torch.isnan(x), x, (x > 0).to(x.dtype))
''',
    "_sign": '''
def _sign(x):
    """The sign; NaN stays."""
    return torch.where(torch.isnan(x), x, torch.sign(x))
''',
    "_commutation": '''
def _commutation(m, n, like):
    """K with K vec(A) = vec(A.T) for A of shape m x n."""
    order = torch.arange(m * n, device=like.device).reshape(n, m).T.reshape(-1)
    return torch.eye(m * n, dtype=like.dtype, device=like.device)[order]
''',
    "_cholesky": '''
def _cholesky(A, name):
    """The lower Cholesky factor; NaN gives NaN."""
    L, info = torch.linalg.cholesky_ex(A)
    if not torch.compiler.is_compiling() and info.item() > 0:
        if torch.isnan(A).any():
            return torch.full_like(A, torch.nan)
        raise ValueError(f"{name} is not positive definite")
    return L
''',
    "_cholesky_solve": '''
def _cholesky_solve(L, B):
    """The solution X of L @ L.T @ X = B."""
    if B.ndim == 1:
        return torch.cholesky_solve(B[:, None], L)[:, 0]
    return torch.cholesky_solve(B, L)
''',
    "_logdet_positive": '''
def _logdet_positive(A):
    """log(det(A)), NaN where the determinant is negative."""
    sign, logarithm = torch.linalg.slogdet(A)
    return torch.where(sign >= 0, logarithm, torch.nan)
''',
    "_block": '''
def _block(rows):
    """The matrix of blocks given by rows."""
    return torch.cat([torch.cat(row, dim=1) for row in rows], dim=0)
''',
    "_block_inner": NUMPY_HELPERS["_block_inner"].replace("np.", "torch."),
    "_block_sum": NUMPY_HELPERS["_block_sum"].replace("np.", "torch."),
    "_singular_values": '''
def _singular_values(A):
    """The singular values; NaN gives NaN."""
    if not torch.compiler.is_compiling() and torch.isnan(A).any():
        return A[0] * torch.nan
    return torch.linalg.svdvals(A)
''',
    "_polar": '''
def _polar(A):
    """U V' of the singular value decomposition A = U S V'."""
    if not torch.compiler.is_compiling() and torch.isnan(A).any():
        return A * torch.nan
    U, _, Vt = torch.linalg.svd(A, full_matrices=False)
    return U @ Vt
''',
    "_dominant": '''
def _dominant(A):
    """u v' of the largest singular value."""
    if not torch.compiler.is_compiling() and torch.isnan(A).any():
        return A * torch.nan
    U, _, Vt = torch.linalg.svd(A, full_matrices=False)
    return torch.outer(U[:, 0], Vt[0])
''',
}
