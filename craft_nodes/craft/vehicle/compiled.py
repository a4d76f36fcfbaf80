"""How the scalar functions of the vehicle and of the counterfactual world are compiled."""

from numba import njit

# Without numba's reference counting: these functions read and write arrays that others own and allocate nothing. The
# counting is an atomic operation for every array at every call, which would cost more than the arithmetic.
inner = njit(_nrt=False)  # called by compiled code only
callable_from_python = njit(cache=True, _nrt=False)
