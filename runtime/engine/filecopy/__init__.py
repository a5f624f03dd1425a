"""COPY and ADD: which entries of which trees go where (``resolve.py``), and copying them there (``apply.py``).

The rules are those of BuildKit's file backend and of tonistiigi/fsutil's ``copy``; where they differ here is
said in docs/differences.md. Import the submodules: a build that finds everything resolves and copies nothing.
"""
