__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(VEC)))
void NAME(__global const float *restrict first, __global const float *restrict second,
          __global float *restrict target, const int height, const int width,
          const int first_pitch, const int first_plane, const int first_image, const int first_start,
          const int second_pitch, const int second_plane, const int second_image, const int second_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int relu)
{
#include "pixel.cl"
    VEC value = VEC_LOAD(AT(first)) + VEC_LOAD(AT(second));
    if (relu)
        value = VEC_RELU(value);
    VEC_STORE(value, AT(target));
}
