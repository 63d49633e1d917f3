"""A deployment that works for half an hour or longer, while its memory, files, threads and database are looked at. `cargo xtask soak` runs it.

Two servers at once: `day` is asked by callers in real time, `year` has its clock moved through a year of schedules. Each must hold no more in the last third
of the time than in the middle one; the first is there to warm up.
"""
