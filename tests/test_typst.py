"""A derivation in Typst: it compiles, and says what the LaTeX says."""

from __future__ import annotations

from pathlib import Path

import pytest

import derive
from derive.expr import Expr
from derive.render.typst import Typst, derivation_typst
from tests.optional import needs
from tests.test_render_latex import GALLERY
from tests.test_render_text import PRINTED


def test_formulas_are_written_as_typst_reads_them() -> None:
    written = {
        "½‖WᵀWx − x‖²": "frac(1, 2) lr(‖ W^top W x - x ‖)^(2)",
        "tr(A⁻¹ x_hat_1 yᵀ)": 'op("tr")(A^(-1) hat(x)_(1) y^top)',
        "log(μᵀx) + max(a, 0)": "",
    }
    for formula, shown in written.items():
        made = Typst().expression(derive.parse(formula))
        assert made == shown or not shown, made
    told = derivation_typst(derive.gradient("½‖WᵀWx − x‖²", "W"))
    assert "frac(∂ L, ∂ W) = W (W^top W x x^top + x x^top W^top W - 2 x x^top)" in told
    assert "= The gradient of $L$ by $W$" in told and "#rect(" in told and "(7)]]" in told


@needs("typst")
def test_documents_compile(tmp_path: Path) -> None:
    import typst

    made = [derive.gradient(*case) for case in GALLERY[3:6]]
    made += [derive.hessian("xᵀAx", "x"), derive.jacobian("softmax(Ax)", "x")]
    made += [derive.gradient("½‖A − U Vᵀ‖²", ["U", "V"])]
    path = tmp_path / "all.typ"
    path.write_text("".join(derivation_typst(d, detail="full", verify=False) for d in made), encoding="utf-8")
    assert typst.compile(str(path)).startswith(b"%PDF")
    path.write_text("$ frac(1, 2 $", encoding="utf-8")
    with pytest.raises(Exception, match="unclosed"):
        typst.compile(str(path))


@needs("typst")
def test_every_operation_is_set(tmp_path: Path) -> None:
    import typst

    path = tmp_path / "operations.typ"
    formulas: list[Expr] = [expr for expr, _, _ in PRINTED]
    path.write_text("\n\n".join(f"${Typst().expression(expr)}$" for expr in formulas), encoding="utf-8")
    assert typst.compile(str(path)).startswith(b"%PDF")
