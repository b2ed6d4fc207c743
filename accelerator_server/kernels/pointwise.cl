// The function's numbers are those of layers.Function.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(VEC)))
void NAME(__global const float *restrict source, __global const float *restrict scale,
          __global const float *restrict shift, __global float *restrict target,
          const int height, const int width,
          const int source_pitch, const int source_plane, const int source_image, const int source_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int function)
{
#include "pixel.cl"
    VEC value = VEC_LOAD(AT(source));
    value = value * VEC_LOAD(scale + block * LANES) + VEC_LOAD(shift + block * LANES);
    switch (function) {
    case 1: value = VEC_RELU(value); break;
    case 2: value = log(value); break;
    case 3: value = exp(value); break;
    case 4: value = sqrt(value); break;
    case 5: value = (VEC)(1) / ((VEC)(1) + exp(-value)); break;
    case 6: value = tanh(value); break;
    }
    VEC_STORE(value, AT(target));
}
