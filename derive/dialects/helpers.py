"""Functions that modules for NumPy and SciPy carry along: what they lack, in a form that does not overflow."""

from __future__ import annotations

NUMPY_HELPERS = {
    "_argmax_row": '''
def _argmax_row(x):
    """1 at the first largest entry, of a vector or of each row of a matrix."""
    return (np.arange(x.shape[-1]) == x.argmax(axis=-1, keepdims=True)).astype(x.dtype)
''',
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
    "_slices": '''
def _slices(rows, columns, others):
    """Slices of rows with that many entries each; what they and the other arrays meet stays in the cache."""
    step = max(128, 2**18 // max(columns, 1), others // max(columns, 1))
    return [slice(i, i + step) for i in range(0, max(rows, 1), step)]
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
    "_softplus_and_sigmoid": '''
def _softplus_and_sigmoid(x):
    """log(1 + exp(x)) and its derivative, without overflow."""
    e = np.exp(-np.abs(x))
    return np.maximum(x, 0) + np.log1p(e), np.where(x >= 0, 1, e) / (1 + e)
''',
    "_logsumexp_and_softmax": '''
def _logsumexp_and_softmax(x):
    """log(sum(exp(x))) and its gradient, without overflow."""
    largest = x.max(initial=-np.inf)
    e = np.exp(x - largest)
    total = e.sum()
    return largest + np.log(total), e / total
''',
    "_row_logsumexp_and_softmax": '''
def _row_logsumexp_and_softmax(x):
    """log(sum(exp(row))) of each row and its gradient, without overflow."""
    largest = x.max(axis=1, keepdims=True)
    e = x - largest
    np.exp(e, out=e)
    total = e.sum(axis=1, keepdims=True)
    e /= total
    return (largest + np.log(total))[:, 0], e
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
def _hypot(a, x, out=None):
    """sqrt(a**2 + x**2), without overflow."""
    if np.ndim(a) == 0 and 1e-15 < abs(a) < 1e15:
        with np.errstate(over="ignore"):
            square = np.multiply(x, x, out=out)
        square += a * a
        if np.max(square, initial=0) < np.inf:
            return np.sqrt(square, out=out)
    return np.hypot(a, x, out=out)
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
    "_step": '''
def _step(x):
    """1 where positive, else 0; NaN of NaN.  Several times as fast as np.heaviside."""
    found, missing = (x > 0).astype(x.dtype), np.isnan(x)
    return np.where(missing, x, found)[()] if missing.any() else found
''',
    "_row_softmax": '''
def _row_softmax(x):
    """The softmax of each row, without overflow."""
    e = x - x.max(axis=1, keepdims=True)
    np.exp(e, out=e)
    e /= e.sum(axis=1, keepdims=True)
    return e
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
    if np.any(np.isnan(A)):
        return A * np.nan
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return U @ Vt
''',
    "_dominant": '''
def _dominant(A):
    """u v' of the largest singular value."""
    if np.any(np.isnan(A)):
        return A * np.nan
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return U[:, :1] @ Vt[:1, :]
''',
    "_expm": '''
def _expm(A):
    """The matrix exponential: Pade approximant of degree 13, scaling and squaring."""
    norm = float(np.max(np.sum(np.abs(A), axis=0))) if A.shape[0] else 0.0
    if not math.isfinite(norm):
        return A * np.nan
    squarings = max(0, math.ceil(math.log2(norm / 4.25))) if norm > 4.25 else 0
    A = A / 2.0**squarings
    b = [math.factorial(26 - k) * math.comb(13, k) for k in range(14)]
    b = [c / b[0] for c in b]
    A2 = A @ A
    powers = [np.eye(A.shape[0], dtype=A.dtype)]
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
    "_inverse_of_triangle": '''
def _inverse_of_triangle(R):
    """The inverse of R.T for an upper triangular matrix R."""
    trtri = lapack.strtri if R.dtype == np.float32 else lapack.dtrtri
    return trtri(R, lower=False)[0].T
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
