"""What input may cost; beyond these a `LimitError` says which limit was met."""

MAX_LENGTH = 20_000  # characters of one formula, its definitions included
MAX_NESTING = 100  # brackets, braces and arguments inside one another
MAX_OPERATIONS = 5_000  # operands and operators of one formula
MAX_SUMS = 24  # sums over indices in one formula
MAX_DIGITS = 60  # of one number
MAX_NAMES = 500  # different symbols
MAX_EXPONENT = 64  # of a matrix; its derivative has as many terms
MAX_NUMBER_EXPONENT = 4096  # of a number
MAX_DIMENSION_TERMS = 30  # of the polynomial that a dimension is
MAX_DECLARATIONS = 20_000  # characters
SEARCH_BUDGET = 400  # choices of a kind tried before the formula counts as ambiguous
SEARCH_WORK = 40_000  # cells looked at in that search
