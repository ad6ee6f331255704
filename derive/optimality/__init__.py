"""Whether a formula is convex, and where its gradient vanishes: proofs, points that refute, closed forms."""
