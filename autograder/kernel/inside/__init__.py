"""The files that run on the untrusted side of the wall.

The host sends their source text to the zygote, which runs them as a package of its own, so they may
import each other and the standard library, and never anything else of this package. What they hold
can be read by every student: no secret, and no path of one.
"""
