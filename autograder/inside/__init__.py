"""The files that run in the student's process.

``kernel/shipping.py`` sends their source text there. They may import each other, the standard library and the packages
that every kernel has, never anything else of this package: it is not there.
Every student can read what they hold: no secret, no expected value, and no path of one.
"""
