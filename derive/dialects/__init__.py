"""How each array library spells each operation: one table of templates per library.

`{0}`, `{1}` are the operands, written so that an attribute or a subscript may follow;
`{rows}`, `{columns}` the size of the result, `{dtype}` the floating type of the arguments.
A template that calls `_name(...)` takes the function of that name along from the table of
helpers.  The base table is the array API standard; the others say what differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..errors import DeriveError
from ..operations import FUNCTIONS
from ..own_functions import operation_named
from .functional import ARRAY_API_HELPERS, JAX_HELPERS, TORCH_HELPERS
from .helpers import NUMPY_HELPERS, SCIPY_HELPERS


class Dialect(NamedTuple):
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

    name: str
    imports: tuple[str, ...]
    templates: Mapping[str, str]
    helpers: Mapping[str, str]
    module: str
    in_place: bool = False
    has_triangular_solve: bool = False

    def template(self, kind: str) -> str:
        """The template of an operation; DeriveError if the library cannot say it."""
        own = operation_named(kind)
        found = own.spelling(self.name) if own is not None else None
        found = self.templates.get(kind) if found is None else found.replace("{lib}", self.module)
        if found is None:
            raise DeriveError(f"{kind} has no counterpart in {self.name}")
        return found


def table(text: str) -> dict[str, str]:
    """A table written as lines `operation: template`."""
    rows = (line.split(":", 1) for line in text.strip().splitlines())
    return {name.strip(): template.strip() for name, template in rows}


# What all libraries share: operators, and the names of the standard with the library as `{lib}`; a scalar function
# without a row has its own name

UNNAMED = frozenset(["erf"])  # what the standard has no name for
COMMON = {name: f"{{lib}}.{name}({{0}})" for name in FUNCTIONS if name not in UNNAMED} | table("""
    product: {0} @ {1}
    matvec: {0} @ {1}
    stacked: {0} @ {1}
    dot: {0} @ {1}
    outer: {lib}.outer({0}, {1})
    sq_norm: {0} @ {0}
    sq_norm_matrix: {lib}.sum({0} * {0})
    contraction: {lib}.sum({0} * {1})
    contraction_flipped: {lib}.sum({0} * {1}.T)
    step: _step({0})
    total: {lib}.sum({0})
    norm1: {lib}.sum({lib}.abs({0}))
    sqrt: {lib}.sqrt({0})
    power: {0} ** {1}
    columns: {lib}.stack({0}, axis=1)
    rows: {lib}.stack({0})
    outer_of_each: {left}[:, :, None] * {right}[:, None, :]
    outers_of_each: {lib}.stack(({left},), axis=2) @ {lib}.stack(({right},), axis=1)
    row_sums: {lib}.sum({0}, axis={axis})
    row_dots: {lib}.sum({0} * {1}, axis=1)
    sigmoid: _sigmoid({0})
    softplus: _softplus({0})
    softmax: _softmax({0})
    logsumexp: _logsumexp({0})
    row_softmax: _row_softmax({0})
    row_logsumexp: _row_logsumexp({0})
    ones: {lib}.ones({rows}, dtype={dtype})
    zeros: {lib}.zeros({shape}, dtype={dtype})
    eye: {lib}.eye({rows}, dtype={dtype})
    basis: ({lib}.arange({rows}) == {0}).astype({dtype})
    commutation: _commutation({0}, {1}, {like})
    vec: {0}.T.reshape(-1)
    unvec: {0}.reshape({columns}, {rows}).T
    submatrix: {0}[{slices}]
    inverse: {lib}.linalg.inv({0})
    solve: {lib}.linalg.solve({0}, {1})
    det: {lib}.linalg.det({0})
    logdet: {lib}.linalg.slogdet({0})[1]
    logdet_positive: _logdet_positive({0})
    cholesky: _cholesky({0}, {name})
    spd_logdet: 2 * {lib}.sum({lib}.log({lib}.diagonal({0})))
    triangle_inverse: {lib}.linalg.inv({0})
    spd_solve: {0}.T @ ({0} @ {1})
    spd_inverse: _cholesky_inverse({0})
    argmax_row: _argmax_row({0})
    where: {lib}.where({0} > 0, {1}, {2})
    diagonal: {lib}.diagonal({0})
    trace: {lib}.trace({0})
    tril: {lib}.tril({0})
    triu: {lib}.triu({0})
    Diag: {lib}.diag({0})
    kron: {lib}.kron({0}, {1})
    block: {lib}.block({0})
    concatenated: {lib}.concatenate({0})
    raised: {lib}.reshape({0}, (1, 1))
    flattened: {lib}.reshape({0}, (1,))
    raveled: {lib}.reshape({0}, (-1,))
    block_inner: _block_inner({0}, {1})
    block_sum: _block_sum({0}, {1})
    polar: _polar({0})
    dominant: _dominant({0})
    nuclear_norm: {lib}.sum(_singular_values({0}))
    spectral_norm: {lib}.max(_singular_values({0}))
    expm: _expm({0})
    logaddexp: {lib}.logaddexp({0}, {1})
    norm: _norm({0})
    hypot: {lib}.hypot({0}, {1})
""")

# NumPy

NUMPY = {key: text.replace("{lib}", "np") for key, text in COMMON.items()} | table("""
    constant: {dtype}.type({0})
    copy: {0}.copy()
    total: {0}.sum()
    hypot: _hypot({0}, {1})
    matvec: {0}.dot({1})
    dot: {0}.dot({1})
    sq_norm: {0}.dot({0})
    sq_norm_matrix: np.vdot({0}, {0})
    contraction: np.vdot({0}, {1})
    contraction_flipped: np.einsum("ij,ji->", {0}, {1})
    columns: np.array({0}).T
    rows: np.array({0})
    row_sums: {0}.sum(axis={axis})
    row_dots: np.einsum("ij,ij->i", {0}, {1})
    relu: np.maximum({0}, 0)
    erf: _erf({0})
    inverse: _inverse({0}, {name})
    solve: _solve({0}, {1}, {name})
    triangle_inverse: _inverse_of_triangle({0})
    spd_inverse: _cholesky_inverse({0}, {1})
    spd_logdet: 2 * np.log({0}.diagonal()).sum()
    diagonal: {0}.diagonal()
    softplus_and_sigmoid: _softplus_and_sigmoid({0})
    logsumexp_and_softmax: _logsumexp_and_softmax({0})
    row_logsumexp_and_row_softmax: _row_logsumexp_and_softmax({0})
    nuclear_norm: _singular_values({0}).sum()
    spectral_norm: _singular_values({0}).max(initial=0)
""")

# SciPy: BLAS and LAPACK by name; its `expit` alone is faster than what shares an exponential

SCIPY = {name: text for name, text in NUMPY.items() if name != "softplus_and_sigmoid"} | table("""
    erf: special.erf({0})
    sigmoid: special.expit({0})
    expm: linalg.expm({0})
    spd_solve: _cholesky_solve({0}, {1})
    spd_inverse: _cholesky_inverse({0})
    added_outer: _add_outer({0}, {1}, {2}, {3})
""")

# The array API standard, in the namespace of the arguments

ARRAY_API = {key: text.replace("{lib}", "xp") for key, text in COMMON.items()} | table("""
    constant: xp.asarray({0}, dtype={like}.dtype, device=device({like}))
    outer: {0}[:, None] * {1}[None, :]
    concatenated: xp.concat({0})
    relu: xp.where({0} < 0, xp.zeros_like({0}), {0})
    vec: xp.reshape({0}.T, (-1,))
    unvec: xp.reshape({0}, ({columns}, {rows})).T
    ones: xp.ones({rows}, dtype={like}.dtype, device=device({like}))
    zeros: xp.zeros({shape}, dtype={like}.dtype, device=device({like}))
    eye: xp.eye({rows}, dtype={like}.dtype, device=device({like}))
    basis: xp.astype(xp.arange({rows}, device=device({like})) == {0}, {like}.dtype)
    spd_logdet: 2 * xp.sum(xp.log(xp.linalg.diagonal({0})))
    diagonal: xp.linalg.diagonal({0})
    trace: xp.linalg.trace({0})
    Diag: _diagonal_matrix({0})
    kron: _kron({0}, {1})
    block: _block({0})
""")
ARRAY_API |= {name: f"xp.a{name[3:]}({{0}})" for name in FUNCTIONS if name.startswith("arc")}

# JAX

JAX = {key: text.replace("{lib}", "jnp") for key, text in COMMON.items()} | table("""
    constant: jnp.asarray({0}, {dtype})
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
    argmax_row: jax.nn.one_hot(jnp.argmax({0}, axis=-1), {0}.shape[-1], dtype={0}.dtype)
    expm: jax.scipy.linalg.expm({0})
    cholesky: jnp.linalg.cholesky({0})
    nuclear_norm: jnp.sum(jnp.linalg.svd({0}, compute_uv=False))
    spectral_norm: jnp.max(jnp.linalg.svd({0}, compute_uv=False))
    triangle_inverse: jax.scipy.linalg.solve_triangular({0}, jnp.eye({rows}, dtype={dtype}), lower=True)
    spd_solve: jax.scipy.linalg.cho_solve(({0}, True), {1})
    spd_inverse: jax.scipy.linalg.cho_solve(({0}, True), jnp.eye({rows}, dtype={dtype}))
""")

# PyTorch

TORCH = {key: text.replace("{lib}", "torch") for key, text in COMMON.items()} | table("""
    constant: {like}.new_tensor({0})
    copy: {0}.clone()
    copy_scalar: {0}.clone()
    kron: _kron({0}, {1})
    columns: torch.stack({0}, dim=1)
    outers_of_each: torch.stack(({left},), dim=2) @ torch.stack(({right},), dim=1)
    row_sums: torch.sum({0}, dim={axis})
    concatenated: torch.cat({0})
    argmax_row: torch.nn.functional.one_hot(torch.argmax({0}, dim=-1), {0}.shape[-1]).to({0}.dtype)
    relu: torch.relu({0})
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
    basis: (torch.arange({rows}, device={like}.device) == {0}).to({like}.dtype)
    block: _block({0})
    triangle_inverse: torch.linalg.solve_triangular({0}, torch.eye({rows}).to({0}), upper=False)
    spd_solve: _cholesky_solve({0}, {1})
    spd_inverse: torch.cholesky_inverse({0})
    expm: torch.linalg.matrix_exp({0})
""")

DIALECTS: dict[str, Dialect] = {
    "numpy": Dialect("numpy", ("import numpy as np",), NUMPY, NUMPY_HELPERS, module="np", in_place=True),
    "scipy": Dialect(
        "scipy",
        ("import numpy as np", "from scipy import linalg, special", "from scipy.linalg import blas, lapack"),
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
        raise DeriveError(f"there is no backend {name!r}", hint=f"there are: {', '.join(DIALECTS)}, c")
    return DIALECTS[spelled]
