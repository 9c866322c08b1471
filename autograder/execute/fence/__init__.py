"""What stands between a notebook and the machine; runs under the kernel's interpreter, on the standard library alone.

The trusted side starts :mod:`nursery` as a program of its own and never imports more of this package than its
constants. A nursery imports what notebooks import, once, and forks *slots*. A slot is a fenced process tree that
runs one notebook at a time: its supervisor puts up the fence and forks kernels; its driver, behind the fence as
well, speaks the kernel protocol and hands what came of a notebook to the grader.

    grader ── nursery (imports; runs nobody's code)
                 └─ slot: supervisor ── driver (no rights; reads what kernels say)
                                    └── kernel (one a notebook; ends with all that it started)
"""
