"""How each array library spells each operation: one table of templates per library.

`{0}`, `{1}` are the operands, written so that an attribute or a subscript may follow;
`{rows}`, `{columns}` the size of the result, `{dtype}` the floating type of the arguments.
A template that calls `_name(...)` takes the function of that name along from the table of
helpers.  The base table is the array API standard; the others say what differs.
"""

from __future__ import annotations

from .errors import DeriveError

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
    functional : bool
        Whether checks that depend on values are left out, so that the function can be traced.
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
        try:
            return self.templates[kind]
        except KeyError:
            raise DeriveError(f"{kind} has no counterpart in {self.name}") from None


def table(text: str) -> dict[str, str]:
    """A table written as lines `operation: template`."""
    rows = (line.split(":", 1) for line in text.strip().splitlines())
    return {name.strip(): template.strip() for name, template in rows}


# What all libraries share: operators, and the names of the standard with the library as `{lib}`

COMMON = table("""
    product: {0} @ {1}
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
    commutation: _commutation({0}, {1}, {dtype})
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
    spd_inverse: {0}.T @ {0}
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
    sq_norm: {0} @ {0}
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
def _commutation(m, n, dtype):
    """K with K vec(A) = vec(A.T) for A of shape m x n."""
    return np.eye(m * n, dtype=dtype)[np.arange(m * n).reshape(n, m).T.ravel()]
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
    b = [math.factorial(26 - k) * math.comb(13, k) / math.factorial(13) for k in range(14)]
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


DIALECTS: dict[str, Dialect] = {
    "numpy": Dialect("numpy", ("import numpy as np",), NUMPY, NUMPY_HELPERS, module="np", in_place=True),
}


def dialect(name: str) -> Dialect:
    """The dialect of a backend; DeriveError names those there are."""
    spelled = name.replace("_", "-").lower()
    if spelled not in DIALECTS:
        raise DeriveError(f"there is no backend {name!r}", hint=f"there are: {', '.join(DIALECTS)}")
    return DIALECTS[spelled]
