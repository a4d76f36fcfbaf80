"""The remote procedures, grouped by subject. A public method is a procedure of that name; `-> None` marks a void one."""
