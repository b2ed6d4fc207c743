// ONNX DequantizeLinear.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(VEC)))
void NAME(__global const uchar *restrict source, __global const float *restrict scale,
          __global float *restrict target, const int height, const int width,
          const int source_pitch, const int source_plane, const int source_image, const int source_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int zero)
{
#include "pixel.cl"
    VEC_STORE((TO_FLOATS(BYTES_LOAD(AT(source))) - (VEC)(zero)) * (VEC)(*scale), AT(target));
}
