"""The raised and lowered signs of Unicode, and the plain ones that they stand for."""

from __future__ import annotations

RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
RAISED_LETTERS = dict(zip("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", "abcdefghijklmnoprstuvwxyz"))
RAISED_SIGNS = RAISED | {"⁺": "+"}
LOWERED_DIGITS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
LOWERED = LOWERED_DIGITS | dict(zip("ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ₊₋", "aehijklmnoprstuvxβγρφχ+-"))
# For str.translate: of numbers, whichever minus they have.
RAISING = str.maketrans({plain: high for high, plain in RAISED.items()} | {"−": "⁻"})
LOWERING = str.maketrans({plain: low for low, plain in LOWERED_DIGITS.items()})
LEVELING = str.maketrans(LOWERED_DIGITS)
