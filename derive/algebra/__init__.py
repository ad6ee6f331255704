"""The algebra of matrix expressions: normal form, factoring, equality."""
