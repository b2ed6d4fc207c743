"""The rate of CLBlast's matrix product on an OpenCL device, where Debian's libclblast1 is installed."""

import ctypes
from ctypes.util import find_library

import numpy as np
import pyopencl as cl

from accelerator_server.backends.opencl.device import Device

ROW_MAJOR, NOT_TRANSPOSED = 101, 111
"""CLBlastLayoutRowMajor and CLBlastTransposeNo of clblast_c.h."""

FLOP_PER_MULTIPLICATION = 2


def clblast_rate(device: Device, rows: int, columns: int, depth: int, repetitions: int) -> float | None:
    """GFLOP/s of the fastest of some products of float32 matrices; None where CLBlast is not installed.

    Args:
        device: Where it is computed.
        rows: Of the first factor and of the product.
        columns: Of the second factor and of the product.
        depth: Columns of the first factor.
        repetitions: Products of which the fastest counts; one more, which compiles, does not.

    Raises:
        RuntimeError: CLBlast refuses, or gives a wrong product.
    """
    path = find_library("clblast")
    if path is None:
        return None
    library = ctypes.CDLL(path)
    queue = cl.CommandQueue(
        device.context, device.handle, properties=cl.command_queue_properties.PROFILING_ENABLE
    )
    first, second, product = (
        cl.Buffer(device.context, cl.mem_flags.COPY_HOST_PTR, hostbuf=np.ones(shape, np.float32))
        for shape in ((rows, depth), (depth, columns), (rows, columns))
    )
    sizes, buffers = (rows, columns, depth), (first, second, product)
    times_ns = [_product_ns(library, queue, sizes, buffers) for _ in range(1 + repetitions)]
    found = np.empty((rows, columns), np.float32)
    cl.enqueue_copy(queue, found, product)
    if (found != depth).any():  # ones times ones
        message = f"CLBlastSgemm gave {found} where {depth} is right"
        raise RuntimeError(message)
    return FLOP_PER_MULTIPLICATION * rows * columns * depth / min(times_ns[1:])


def _product_ns(
    library: ctypes.CDLL,
    queue: cl.CommandQueue,
    sizes: tuple[int, int, int],
    buffers: tuple[cl.Buffer, ...],
) -> int:
    rows, columns, depth = map(ctypes.c_size_t, sizes)
    first, second, product = (ctypes.c_void_p(buffer.int_ptr) for buffer in buffers)
    zero, handle = ctypes.c_size_t(0), ctypes.c_void_p(queue.int_ptr)
    before = cl.enqueue_marker(queue)
    status = library.CLBlastSgemm(
        ROW_MAJOR, NOT_TRANSPOSED, NOT_TRANSPOSED, rows, columns, depth,
        ctypes.c_float(1), first, zero, depth, second, zero, columns,
        ctypes.c_float(0), product, zero, columns, ctypes.byref(handle), None,
    )  # fmt: skip
    if status != 0:
        message = f"CLBlastSgemm gave status {status}"
        raise RuntimeError(message)
    after = cl.enqueue_marker(queue)
    queue.finish()
    return int(after.profile.end - before.profile.end)
