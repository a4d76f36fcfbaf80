"""One thread: the results are compared bit for bit, and the tests share the machine."""

import torch

torch.set_num_threads(1)
