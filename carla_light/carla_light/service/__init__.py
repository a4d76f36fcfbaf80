"""The remote procedures, grouped by subject. A public method is a procedure; `-> None` marks a void one."""
