"""Functions that modules carry along for libraries that write into no arrays: the array API, JAX, PyTorch."""

from __future__ import annotations

import re

from .helpers import NUMPY_HELPERS


def ported(names: str, helpers: dict[str, str], library: str, to: str) -> dict[str, str]:
    """The helpers of those names, with another library that has what they call."""
    return {name: helpers[name].replace(f"{library}.", f"{to}.") for name in names.split()}


def portable(names: str) -> dict[str, str]:
    """The helpers of NumPy of those names, in the namespace of their argument."""
    found = ported(names, NUMPY_HELPERS, "np", "xp")
    return {
        name: re.sub(r'(""".*"""\n)', r"\1    xp = array_namespace(A)\n", text).replace(
            "dtype=A.dtype)", "dtype=A.dtype, device=device(A))"
        )
        for name, text in found.items()
    }


def in_namespace(names: str, library: str, guard: str = "") -> dict[str, str]:
    """The helpers of the array API of those names, for a library whose arrays may be traced.

    Then their entries cannot be looked at for NaN; `guard` says when they can.
    """
    found = ported(names, ARRAY_API_HELPERS, "xp", library)
    looks, kept = r"    if \S+\.any\(\S+\.isnan\(A\)\):\n(.*\n)", rf"    if {guard}:\n\1" if guard else ""
    return {n: re.sub(looks, kept, re.sub(r"    xp = array_namespace.*\n", "", text)) for n, text in found.items()}


ARRAY_API_HELPERS = {
    **portable("_polar _dominant _expm"),
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
    "_argmax_row": '''
def _argmax_row(x):
    """1 at the first largest entry, of a vector or of each row of a matrix."""
    xp = array_namespace(x)
    at = xp.argmax(x, axis=-1, keepdims=True)
    return xp.astype(xp.arange(x.shape[-1], device=device(x)) == at, x.dtype)
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
        if xp.any(xp.isnan(A)):
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
    if xp.any(xp.isnan(A)):
        return A[0, :] * xp.nan
    return xp.linalg.svdvals(A)
''',
}

JAX_HELPERS = {
    **ported("_commutation _block_inner _block_sum", NUMPY_HELPERS, "np", "jnp"),
    **in_namespace("_norm _logdet_positive _polar _dominant", "jnp"),
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
}

UNTRACED_NAN = "not torch.compiler.is_compiling() and torch.isnan(A).any()"
TORCH_HELPERS = {
    **ported("_block_inner _block_sum", NUMPY_HELPERS, "np", "torch"),
    **in_namespace("_norm _logdet_positive _kron _block _singular_values _polar _dominant", "torch", UNTRACED_NAN),
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
}
