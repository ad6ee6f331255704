"""How each array library spells each operation: one table of templates per library.

`{0}`, `{1}` are the operands, written so that an attribute or a subscript may follow;
`{rows}`, `{columns}` the size of the result, `{dtype}` the floating type of the arguments.
A template that calls `_name(...)` takes the function of that name along from the table of
helpers.  The base table is the array API standard; the others say what differs.
"""

from __future__ import annotations

from .errors import DeriveError
from .expr import OPERATIONS

FUNCTIONS = "exp log sin cos tan sinh cosh tanh sign".split()


class Dialect:
    """An array library as generated code uses it.

    Attributes
    ----------
    name : str
    imports : tuple of str
        The import lines.
    templates : dict of str to str
        Operation of a program to text.
    helpers : dict of str to str
        Function name to source.
    in_place : bool
        Whether arrays that the function owns are updated in place.
    has_triangular_solve : bool
    module : str
        The name that the library has in the source.
    """

    __slots__ = ("name", "imports", "templates", "helpers", "in_place", "has_triangular_solve", "module")

    def __init__(
        self,
        name: str,
        imports: tuple[str, ...],
        templates: dict[str, str],
        helpers: dict[str, str],
        *,
        module: str,
        in_place: bool = False,
        has_triangular_solve: bool = False,
    ) -> None:
        self.name = name
        self.imports = imports
        self.templates = templates
        self.helpers = helpers
        self.module = module
        self.in_place = in_place
        self.has_triangular_solve = has_triangular_solve

    def template(self, kind: str) -> str:
        """The template of an operation; DeriveError if the library cannot say it."""
        found = self.templates.get(kind)
        if found is None:
            own = getattr(OPERATIONS.get(kind), "spelling", None)  # a function of the user's own
            found = own(self.name) if own else None
        if found is None:
            raise DeriveError(f"{kind} has no counterpart in {self.name}")
        return found


def table(text: str) -> dict[str, str]:
    """A table written as lines `operation: template`."""
    rows = (line.split(":", 1) for line in text.strip().splitlines())
    return {name.strip(): template.strip() for name, template in rows}


# What all libraries share: operators, and the names of the standard with the library as `{lib}`

COMMON = table("""
    product: {0} @ {1}
    matvec: {0} @ {1}
    stacked: {0} @ {1}
    dot: {0} @ {1}
    outer: {0}[:, None] * {1}
    total: {lib}.sum({0})
    norm1: {lib}.sum({lib}.abs({0}))
    abs: {lib}.abs({0})
    sqrt: {lib}.sqrt({0})
    power: {0} ** {1}
    columns: {lib}.stack(({items}), axis=1)
    rows: {lib}.stack(({items}))
    row_sums: {lib}.sum({0}, axis={axis})
    sigmoid: _sigmoid({0})
    softplus: _softplus({0})
    softmax: _softmax({0})
    logsumexp: _logsumexp({0})
    row_softmax: _row_softmax({0})
    row_logsumexp: _row_logsumexp({0})
    ones: {lib}.ones({rows}, dtype={dtype})
    zeros: {lib}.zeros({shape}, dtype={dtype})
    eye: {lib}.eye({rows}, dtype={dtype})
    commutation: _commutation({0}, {1}, {like})
    vec: {0}.T.reshape(-1)
    unvec: {0}.reshape({columns}, {rows}).T
    submatrix: {0}[{slices}]
    inverse: {lib}.linalg.inv({0})
    solve: {lib}.linalg.solve({0}, {1})
    det: {lib}.linalg.det({0})
    logdet: {lib}.linalg.slogdet({0})[1]
    logdet_positive: _logdet_positive({0})
    cholesky: {lib}.linalg.cholesky({0})
    spd_logdet: 2 * {lib}.sum({lib}.log({lib}.diagonal({0})))
    triangle_inverse: {lib}.linalg.inv({0})
    spd_solve: {0}.T @ ({0} @ {1})
    spd_inverse: _cholesky_inverse({0})
    diagonal: {lib}.diagonal({0})
    trace: {lib}.trace({0})
    tril: {lib}.tril({0})
    triu: {lib}.triu({0})
    Diag: {lib}.diag({0})
    kron: {lib}.kron({0}, {1})
    block: {lib}.block([{blocks}])
    concatenated: {lib}.concatenate(({items}))
    raised: {lib}.reshape({0}, (1, 1))
    flattened: {lib}.reshape({0}, (1,))
    raveled: {lib}.reshape({0}, (-1,))
    block_inner: _block_inner({0}, {1})
    block_sum: _block_sum({0}, {1})
    polar: _polar({0})
    dominant: _dominant({0})
    nuclear_norm: {lib}.sum({lib}.linalg.svd({0}, compute_uv=False))
    spectral_norm: {lib}.max({lib}.linalg.svd({0}, compute_uv=False))
    arcsin: {lib}.arcsin({0})
    arccos: {lib}.arccos({0})
    arctan: {lib}.arctan({0})
    logaddexp: {lib}.logaddexp({0}, {1})
""")
COMMON.update({name: "{lib}." + name + "({0})" for name in FUNCTIONS})

# NumPy

NUMPY = {key: text.replace("{lib}", "np") for key, text in COMMON.items()} | table("""
    constant: {dtype}.type({0})
    total: {0}.sum()
    matvec: {0}.dot({1})
    dot: {0}.dot({1})
    sq_norm: {0}.dot({0})
    sq_norm_matrix: np.vdot({0}, {0})
    contraction: np.vdot({0}, {1})
    contraction_flipped: np.einsum("ij,ji->", {0}, {1})
    outer: np.outer({0}, {1})
    columns: np.array(({items})).T
    rows: np.array(({items}))
    row_sums: {0}.sum(axis={axis})
    relu: np.maximum({0}, 0)
    step: np.heaviside({0}, 0.0)
    erf: _erf({0})
    inverse: _inverse({0}, {name})
    solve: _solve({0}, {1}, {name})
    cholesky: _cholesky({0}, {name})
    triangle_inverse: _inverse_of_triangle({0})
    spd_inverse: _cholesky_inverse({0}, {1})
    spd_logdet: 2 * np.log({0}.diagonal()).sum()
    diagonal: {0}.diagonal()
    expm: _expm({0})
    nuclear_norm: _singular_values({0}).sum()
    spectral_norm: _singular_values({0}).max()
""")

NUMPY_HELPERS = {
    "_arrays": '''
def _arrays(**arguments):
    """The arguments in the floating type that they promote to."""
    types = []
    for name, value in arguments.items():
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} must be real numbers, not {array.dtype}")
        types.append(value if type(value) in (int, float) else array.dtype)
    dtype = np.result_type(*types)
    if dtype.kind != "f":
        dtype = np.dtype(np.float64)
    return [np.asarray(value, dtype=dtype)[()] for value in arguments.values()]
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
    "_softmax": '''
def _softmax(x):
    """exp(x) / sum(exp(x)), without overflow."""
    e = np.exp(x - x.max())
    return e / e.sum()
''',
    "_logsumexp": '''
def _logsumexp(x):
    """log(sum(exp(x))), without overflow."""
    largest = x.max()
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
    if np.isnan(A).any():
        return np.full_like(A, np.nan)
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return np.outer(U[:, 0], Vt[0])
''',
    "_expm": '''
def _expm(A):
    """The matrix exponential: Pade approximant of degree 13, scaling and squaring."""
    norm = np.abs(A).sum(axis=0).max()
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


# SciPy: BLAS and LAPACK by name

SCIPY = NUMPY | table("""
    erf: special.erf({0})
    sigmoid: special.expit({0})
    expm: linalg.expm({0})
    cholesky: _cholesky({0}, {name})
    spd_logdet: 2 * np.log({0}.diagonal()).sum()
    spd_solve: _cholesky_solve({0}, {1})
    spd_inverse: _cholesky_inverse({0})
""")

SCIPY_HELPERS = NUMPY_HELPERS | {
    "_cholesky": '''
def _cholesky(A, name):
    """The upper Cholesky factor, in Fortran order; NaN gives NaN."""
    potrf = lapack.spotrf if A.dtype == np.float32 else lapack.dpotrf
    # A symmetric C array is its own transpose in Fortran order: no copy turns it.
    R, info = potrf(A.T, lower=False, clean=False)
    if info > 0:
        if np.isnan(A).any():
            return np.full_like(R, np.nan)
        raise ValueError(f"{name} is not positive definite")
    return R
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
        block[:] = np.tril(block) + np.tril(block, -1).T
        inverse[:k, k : k + 128] = inverse[k : k + 128, :k].T
    return inverse
''',
}

# The array API standard, in the namespace of the arguments

ARRAY_API = {key: text.replace("{lib}", "xp") for key, text in COMMON.items()} | table("""
    constant: xp.asarray({0}, dtype={like}.dtype, device=device({like}))
    outer: {0}[:, None] * {1}[None, :]
    sq_norm: {0} @ {0}
    sq_norm_matrix: xp.sum({0} * {0})
    contraction: xp.sum({0} * {1})
    contraction_flipped: xp.sum({0} * {1}.T)
    columns: xp.stack(({items}), axis=1)
    concatenated: xp.concat(({items}))
    relu: xp.where({0} < 0, xp.zeros_like({0}), {0})
    step: _step({0})
    vec: xp.reshape({0}.T, (-1,))
    unvec: xp.reshape({0}, ({columns}, {rows})).T
    ones: xp.ones({rows}, dtype={like}.dtype, device=device({like}))
    zeros: xp.zeros({shape}, dtype={like}.dtype, device=device({like}))
    eye: xp.eye({rows}, dtype={like}.dtype, device=device({like}))
    cholesky: _cholesky({0}, {name})
    logdet: xp.linalg.slogdet({0})[1]
    spd_logdet: 2 * xp.sum(xp.log(xp.linalg.diagonal({0})))
    diagonal: xp.linalg.diagonal({0})
    trace: xp.linalg.trace({0})
    Diag: _diagonal_matrix({0})
    kron: _kron({0}, {1})
    block: _block([{blocks}])
    expm: _expm({0})
    nuclear_norm: xp.sum(_singular_values({0}))
    spectral_norm: xp.max(_singular_values({0}))
    arcsin: xp.asin({0})
    arccos: xp.acos({0})
    arctan: xp.atan({0})
""")

ARRAY_API_HELPERS = {
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

# JAX

JAX = {key: text.replace("{lib}", "jnp") for key, text in COMMON.items()} | table("""
    constant: jnp.asarray({0}, {dtype})
    outer: jnp.outer({0}, {1})
    sq_norm: {0} @ {0}
    sq_norm_matrix: jnp.vdot({0}, {0})
    contraction: jnp.vdot({0}, {1})
    contraction_flipped: jnp.vdot({0}, {1}.T)
    relu: jnp.maximum({0}, 0)
    step: jnp.where(jnp.isnan({0}), {0}, jnp.heaviside({0}, 0))
    erf: jax.scipy.special.erf({0})
    sigmoid: jax.nn.sigmoid({0})
    softplus: jax.nn.softplus({0})
    softmax: jax.nn.softmax({0})
    logsumexp: jax.nn.logsumexp({0})
    row_softmax: jax.nn.softmax({0}, axis=1)
    row_logsumexp: jax.nn.logsumexp({0}, axis=1)
    expm: jax.scipy.linalg.expm({0})
    spd_solve: jax.scipy.linalg.cho_solve(({0}, True), {1})
    spd_inverse: jax.scipy.linalg.cho_solve(({0}, True), jnp.eye({rows}, dtype={dtype}))
    nuclear_norm: jnp.sum(jnp.linalg.svd({0}, compute_uv=False))
    spectral_norm: jnp.max(jnp.linalg.svd({0}, compute_uv=False))
""")

JAX_HELPERS = {
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

# PyTorch

TORCH = {key: text.replace("{lib}", "torch") for key, text in COMMON.items()} | table("""
    constant: {like}.new_tensor({0})
    outer: torch.outer({0}, {1})
    sq_norm: {0} @ {0}
    sq_norm_matrix: torch.sum({0} * {0})
    contraction: torch.sum({0} * {1})
    contraction_flipped: torch.sum({0} * {1}.T)
    kron: torch.kron({0}.contiguous(), {1}.contiguous())
    columns: torch.stack(({items}), dim=1)
    row_sums: torch.sum({0}, dim={axis})
    concatenated: torch.cat(({items}))
    relu: torch.relu({0})
    step: _step({0})
    sign: _sign({0})
    erf: torch.erf({0})
    sigmoid: torch.sigmoid({0})
    softplus: torch.logaddexp({0}, torch.zeros_like({0}))
    softmax: torch.softmax({0}, dim=0)
    logsumexp: torch.logsumexp({0}, dim=0)
    row_softmax: torch.softmax({0}, dim=1)
    row_logsumexp: torch.logsumexp({0}, dim=1)
    ones: {like}.new_ones({rows})
    zeros: {like}.new_zeros({shape})
    eye: torch.eye({rows}, dtype={like}.dtype, device={like}.device)
    block: _block([{blocks}])
    cholesky: _cholesky({0}, {name})
    spd_solve: _cholesky_solve({0}, {1})
    spd_inverse: torch.cholesky_inverse({0})
    expm: torch.linalg.matrix_exp({0})
    nuclear_norm: torch.sum(_singular_values({0}))
    spectral_norm: torch.max(_singular_values({0}))
""")

TORCH_HELPERS = {
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

DIALECTS: dict[str, Dialect] = {
    "numpy": Dialect("numpy", ("import numpy as np",), NUMPY, NUMPY_HELPERS, module="np", in_place=True),
    "scipy": Dialect(
        "scipy",
        ("import numpy as np", "from scipy import linalg, special", "from scipy.linalg import lapack"),
        SCIPY,
        SCIPY_HELPERS,
        module="np",
        in_place=True,
        has_triangular_solve=True,
    ),
    "array-api": Dialect(
        "array-api",
        ("import array_api_compat.numpy", "from array_api_compat import array_namespace, device"),
        ARRAY_API,
        ARRAY_API_HELPERS,
        module="xp",
    ),
    "jax": Dialect(
        "jax",
        ("import jax", "import jax.numpy as jnp"),
        JAX,
        JAX_HELPERS,
        module="jnp",
        has_triangular_solve=True,
    ),
    "torch": Dialect("torch", ("import torch",), TORCH, TORCH_HELPERS, module="torch", has_triangular_solve=True),
}


def dialect(name: str) -> Dialect:
    """The dialect of a backend; DeriveError names those there are."""
    spelled = name.replace("_", "-").lower()
    if spelled not in DIALECTS:
        raise DeriveError(f"there is no backend {name!r}", hint=f"there are: {', '.join(DIALECTS)}")
    return DIALECTS[spelled]
