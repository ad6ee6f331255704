"""The words: functions, operators, commands, and what is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any
from unicodedata import normalize

from .. import rows
from ..expr import OPERATIONS, Expr, ones
from ..operations import FUNCTIONS as SCALAR_FUNCTIONS
from ..operations import absolute, cosh, exp, hadamard, log, power, sigmoid, softplus, tanh


def _one(x: Expr) -> Expr:
    return ones(*x.shape)


# Of one operand, entry by entry, and made of several operations.
ENTRYWISE: dict[str, Callable[[Expr], Expr]] = {
    "square": lambda x: power(x, 2), "sech": lambda x: power(cosh(x), -1), "log1p": lambda x: log(_one(x) + x),
    "expm1": lambda x: exp(x) - _one(x), "gelu": rows.gelu, "silu": rows.silu,
    "softsign": lambda x: hadamard(x, power(_one(x) + absolute(x), -1)),
    "mish": lambda x: hadamard(x, tanh(softplus(x))), "logit": lambda x: log(x) - log(_one(x) - x),
    "logsigmoid": lambda x: -softplus(-x), "sigmoid′": lambda x: hadamard(sigmoid(x), _one(x) - sigmoid(x)),
}  # fmt: skip

# Written name -> the function; every name that a formula may call: of operations their own, but where signs are
# written, and of what is made of them.
_SIGNS = frozenset("scale power matpow sq_norm submatrix".split())
FUNCTIONS: dict[str, str] = (
    {name: name for name, operation in OPERATIONS.items() if operation.signature is not None and name not in _SIGNS}
    | {
        name: name
        for name in (
            "tr mean sqrt dot eye ones zeros vector matrix rowsum colsum adj outer max min hadamard clip var std "
            "log_softmax leaky_relu elu huber pseudo_huber quantile norm_inf norm_max numel length nrows ncols sumsq"
        ).split()
    }
    | {name: name for name in ENTRYWISE}
)
FUNCTIONS |= {
    word: name
    for name, words in (
        ("tr", "trace Tr Trace TR"), ("det", "Det Determinant"), ("log", "ln Log"), ("norm", "norm2"), ("exp", "Exp"),
        ("relu", "max0 ReLU Relu"), ("max", "maximum Max"), ("min", "minimum Min"), ("sign", "sgn Sign"),
        ("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan"), ("logsumexp", "lse LSE log_sum_exp"),
        ("inv", "inverse Inverse"), ("adj", "adjugate"), ("eye", "identity Identity"), ("logdet", "logabsdet"),
        ("sigmoid", "sigm expit logistic"), ("rowsum", "row_sums"), ("colsum", "column_sums"), ("dot", "DotProduct"),
        ("hadamard", "multiply HadamardProduct hadamard_product"), ("matmul", "matmul multi_dot"), ("inner", "vdot"),
        ("diag", "diagonal DiagMatrix diagonalize_vector"), ("vec", "Vec"), ("mean", "average avg"),
        ("abs", "absolute Abs"), ("square", "abs2 sqr"), ("transpose", "Transpose"),
        ("kron", "KroneckerProduct kronecker_product"), ("silu", "swish SiLU"), ("gelu", "GELU"), ("elu", "ELU"),
        ("leaky_relu", "LeakyReLU leakyrelu"), ("quantile", "pinball"), ("huber", "Huber"), ("clip", "clamp"),
        ("log_softmax", "logsoftmax"),
    )
    for word in words.split()
}  # fmt: skip
ELEMENTWISE = frozenset([*SCALAR_FUNCTIONS, *ENTRYWISE, "sqrt"])
PER_ROW = frozenset(rows.PER_ROW)  # one number for each row
OF_ROWS = frozenset(rows.OF_ROWS)
FUNCTIONS |= {f"{name}_{axis}": f"{name}_{axis}" for name in PER_ROW | OF_ROWS for axis in ("row", "col")}
FUNCTIONS |= {f"{axis}{name}": f"{name}_{axis}" for name in "mean norm max min".split() for axis in ("row", "col")}
# Of sum_rows and mean_rows it is not clear whether they go along the rows or over them.
FUNCTIONS |= {f"{name}_rows": f"{name}_row" for name in "softmax log_softmax logsumexp norm".split()}
# Entry by entry, of several operands; a number beside a vector or matrix stands for each entry.
ALIKE = frozenset("max min clip where".split())
WITH_PARAMETER = frozenset("huber pseudo_huber quantile leaky_relu elu".split())  # and a number
# What people call by a name that is a short formula.
WRITTEN_OUT = {
    "mse": "mean((x − y).^2)", "mae": "mean(abs(x − y))", "bce": "−mean(y ⊙ log(p) + (𝟏 − y) ⊙ log(𝟏 − p))",
    "crossentropy": "logsumexp(z) − yᵀz of logits z, −yᵀ log(p) of probabilities", "nll": "−yᵀ log(p)",
    "cosinesimilarity": "xᵀy / (‖x‖ ‖y‖)", "cossim": "xᵀy / (‖x‖ ‖y‖)", "dist": "‖x − y‖", "normalize": "x / ‖x‖",
    "layernorm": "(x − mean(x)) / sqrt(var(x) + ε)", "rmsnorm": "x / sqrt(mean(x.^2) + ε)",
    "kldiv": "sum(p ⊙ log(p ⊘ q))", "entropy": "−sum(p ⊙ log(p))", "hinge": "relu(1 − y ⊙ z)",
    "lnorm": "‖x‖ or ‖x‖_1", "cbrt": "x.^(1/3)",
}  # fmt: skip
# What people try and we do not have, with the reason.
REFUSED_FUNCTIONS = {
    word: why
    for words, why in (
        ("pinv", "write (AᵀA)⁻¹ Aᵀ for the pseudo-inverse of full column rank"), ("rank", "the rank has no derivative"),
        ("eig", "eigenvalues are not among the operations"), ("argmin", "give the function that is minimized"),
        ("svd SVD", "singular values enter only through ‖X‖_* and ‖X‖_op"),
        ("argmax", "give the function that is maximized"), ("sup inf", "give the function itself"),
        ("sqrtm", "the matrix square root is not among the operations"),
        ("logm", "the matrix logarithm is not among the operations"), ("conj real imag", "formulas are real"),
        ("cross", "the cross product is not among the operations"), ("einsum", "write the matrix product"),
        ("QR", "factorizations are not among the operations"), ("SVM", "write the loss out"),
        ("Var Cov 𝔼", "expectations are not among the operations"),
        ("E[…]", "expectations are not among the operations; write E · (…) for a product"),
        ("Sum summation", "write a sum over an index as \\sum_{i=1}^n x_i^2, or of all entries as sum(x**2)"),
        ("Ei Li Si Ci Ai Bi gammaln loggamma lgamma betaln digamma",
         "special functions are not among the operations"),
    )
    for word in words.split()
}  # fmt: skip
for word, short in {"KL": "kldiv", "KLD": "kldiv", "MSE": "mse", "CE": "crossentropy", "BCE": "bce"}.items():
    REFUSED_FUNCTIONS[word] = f"write it out: {WRITTEN_OUT[short]}"
# Letters that name a function of one's own where a bracket follows; any other letter multiplies.
HABITUAL_FUNCTIONS = frozenset("fghlℓφψρζΦΨΓΛ")

# Letters that run over the same thing where no limits say so.
RANGES = {letter: letters for letters in ("ijklmn", "st", "uv", "pq", "ab", "xy", "cr") for letter in letters}

# Commands that name a function.
COMMAND_FUNCTIONS = {
    name: FUNCTIONS[name]
    for name in (
        "tr Tr trace Trace det Det logdet diag Diag ln sgn ReLU softmax logsumexp lse LSE inv kron max min mean adj "
        "rowsum eye ones zeros expm Vec logit"
    ).split()
} | {name: name for name in SCALAR_FUNCTIONS if name != "abs"}  # \abs{…} is a pair of bars
COMMAND_FUNCTIONS |= {"argmin": "min", "argmax": "max", "Id": "eye"}
COMMAND_FUNCTIONS |= dict.fromkeys("vect vecop veco matvec".split(), "vec")

# Commands that are a token of another kind: (kind, text).
COMMAND_TOKENS: dict[str, tuple[str, str]] = {
    word: (kind, text)
    for kind, text, words in (
        ("op", "·", "cdot bullet"), ("op", "*", "times ast"), ("op", "⊙", "circ odot dotstar hadamard had"),
        ("op", "⊘", "oslash"), ("op", "⊗", "otimes kronecker"), ("op", "/", "div"), ("op", ":", "colon vcentcolon"),
        ("op", "∈", "in"), ("op", "∞", "infty"), ("op", "≤", "leq le leqslant"), ("op", "≥", "geq ge geqslant"),
        ("op", "<", "lt ll"), ("op", ">", "gt gg"), ("op", "≠", "ne neq"), ("op", "≻", "succ"), ("op", "≺", "prec"),
        ("op", "≽", "succeq succcurlyeq"), ("op", "≼", "preceq preccurlyeq"), ("op", "↦", "mapsto longmapsto"),
        ("op", "=", "propto coloneqq triangleq equiv"), ("bad", "±", "pm"),
        ("bar", "|", "mid vert"), ("bar", "|l", "lvert"), ("bar", "|r", "rvert"),
        ("bar", "‖", "Vert parallel"), ("bar", "‖l", "lVert"), ("bar", "‖r", "rVert"),
        ("open", "⟨", "langle"), ("open", "\\{", "lbrace"), ("open", "[", "lbrack"), ("open", "(", "lparen"),
        ("close", "⟩", "rangle"), ("close", "\\}", "rbrace"), ("close", "]", "rbrack"), ("close", ")", "rparen"),
        ("frac", "frac", "frac dfrac tfrac cfrac nicefrac sfrac"), ("sqrt", "sqrt", "sqrt"),
        ("sum", "sum", "sum"), ("sum", "prod", "prod"),
        ("trans", "⊤", "top intercal T transp trans transpose"), ("trans", "'", "prime"),
        ("star", "⋆", "star"), ("star", "†", "dagger dag"), ("star", "ᴴ", "H herm"),
        ("macro", "norm", "norm Norm"), ("macro", "bars", "abs"), ("macro", "inner", "inner ip innerprod"),
        ("half", "½", "half"), ("one", "1", "one bone vone onevec"), ("zero", "0", "zero bzero vzero"),
        ("reals", "ℝ", "R reals Reals"),
    )
    for word in words.split()
}  # fmt: skip

IGNORED = frozenset(
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm quad qquad displaystyle "
    "textstyle scriptstyle limits nolimits nonumber notag hfill thinspace negthinspace enspace mathstrut strut "
    "allowbreak noindent centering cr null relax protect arg quad medspace thickspace".split()
)
IGNORED_ARGUMENT = frozenset(
    "label tag hspace vspace hskip phantom hphantom vphantom color textcolor colorbox mspace kern ref eqref "
    "cite".split()
)
TRANSPARENT = frozenset("boxed mathopen mathclose mathrel mathbin mathord ensuremath textnormal fbox mathinner".split())

REFUSED_COMMANDS = {
    word: why
    for words, why in (
        ("partial nabla", "give the loss, and the variable as wrt"), ("int", "integrals are not among the operations"),
        ("dots ldots cdots vdots ddots", "write all the terms, or a matrix product"),
        ("sim", "neighbors are pairs of a set, as in (i, j) ∈ E, and distributions are no formulas"),
        ("forall", "only formulas are read"), ("lim", "limits are not among the operations"),
        ("sup inf", "give the function itself"), ("rank", "the rank has no derivative"),
        ("def newcommand renewcommand let csname catcode loop", "macros cannot be defined here"),
        ("input include", "files cannot be read from a formula"), ("write", "files cannot be written from a formula"),
        ("conj Re Im", "formulas are real"),
    )
    for word in words.split()
}  # fmt: skip

# Macros for bold letters, as most papers define them: \bx, \vx, \mX, \bX.
_FORMS = ("b{}", "v{}", "{}vec"), ("b{}", "m{}", "{}mat")  # of a small letter, of a capital
MACROS = {
    form.format(c): (c, "bold")
    for small in "abcdefghijklmnopqrstuvwxyz"
    for c, forms in zip((small, small.upper()), _FORMS)
    for form in forms
} | dict.fromkeys(("Eye", "eye"), ("I", ""))

OPERATORS = {c: c for c in "+-*@/^,;=:_<>⊙⊘⊗∈≤≥≠≻≽≺≼↦→!?·"} | {
    c: sign
    for sign, written in (
        ("-", "−–—‒﹣"), ("*", "×∗"), ("·", "⋅∙•"), ("/", "÷∕⁄"), ("⊙", "∘◦"), (":", "∶"), ("=", "≔≡∝"), ("≽", "⪰"),
        ("≼", "⪯"), (">", "≫"), ("<", "≪"), ("↦", "⟼"), (",", "、，"), (";", "；"),
    )
    for c in written
}  # fmt: skip
BRACKETS = {"(": "(", "[": "[", "⟨": "⟨", "〈": "⟨", "（": "(", "❨": "("}
CLOSING = {")": ")", "]": "]", "⟩": "⟩", "〉": "⟩", "）": ")", "❩": ")"}
PAIRS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "\\{": "\\}", "matrix": "matrix", "cases": "cases"}
BARS = {"|": "|", "∣": "|", "‖": "‖", "∥": "‖", "❘": "|", "｜": "|"}
VULGAR = {c: Fraction(normalize("NFKC", c).replace("⁄", "/")) for c in "½⅓¼⅔¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"}
# Characters that are a token by themselves: (kind, text, value).
CHARACTERS: dict[str, tuple[str, str, Any]] = (
    {c: ("num", c, value) for c, value in VULGAR.items()}
    | {c: ("trans", c, None) for c in "'’′″‴ᵀ⊤ᵗ⟙"}
    | {"√": ("sqrt", "√", None), "∑": ("sum", "sum", None), "∏": ("sum", "prod", None), "∞": ("op", "∞", None)}
    | {"𝔼": ("unknown", "𝔼", None)}
    | {c: ("close", text, None) for c, text in CLOSING.items()}
    | {c: ("open", text, None) for c, text in BRACKETS.items()}
    | {c: ("op", text, None) for c, text in OPERATORS.items()}
)
BOLD = dict.fromkeys("𝟏𝟙", "1") | dict.fromkeys("𝟎𝟘", "0")  # vectors of ones and zeros
SPACES = frozenset(
    "\n\r\t\f\v\u00a0\u2002\u2003\u2009\u200a\u202f\u205f\u3000\u2028\u2029\u2004\u2005\u2006\u2007\u2008"
)
INVISIBLE = frozenset("\u2061\u2062\u2063\u2064\u200b\u2060\ufeff\u00ad\u200c\u200d\ufe0e\ufe0f")
_DOTS = ("an ellipsis cannot be read", "write all the terms, or a matrix product")
REFUSED_CHARACTERS = (
    dict.fromkeys("ᴴ†‡", ("conjugates are not read: formulas are real", "write ᵀ for the transpose of a real matrix"))
    | dict.fromkeys("…⋯", _DOTS)
    | dict.fromkeys("∂∇", ("a formula holds no derivative signs", "give the loss, and the variable as wrt"))
)
ARRAY_MODULES = ("np", "numpy", "jnp", "torch")
NAMED_MODULE = rf"(?<![\w.])(?:{'|'.join(ARRAY_MODULES)})\s*\."
PREFIXES = (
    *(f"{module}.linalg." for module in ARRAY_MODULES), "jax.numpy.", *(f"{module}." for module in ARRAY_MODULES),
    "scipy.special.", "scipy.linalg.", "tf.", "math.", "linalg.",
)  # fmt: skip


def way_out(word: str) -> str | None:
    """What to write instead of a function that has no name here."""
    formula = WRITTEN_OUT.get(re.sub(r"[\d_]", "", word).lower())
    near = closest(word, FUNCTIONS)
    return f"write it out: {formula}" if formula else f"did you mean {near}?" if near else None


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, if any is."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(known), n=1, cutoff=0.65)
    return near[0] if near else None
