// Quantised: the sum of two dequantised maps, quantised. scales: of the first and the second over the target's.
// One item: one pixel of one block of channels.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(VEC)))
void NAME(__global const uchar *restrict first, __global const uchar *restrict second,
          __global const float *restrict scales, __global uchar *restrict target,
          const int height, const int width,
          const int first_pitch, const int first_plane, const int first_image, const int first_start,
          const int second_pitch, const int second_plane, const int second_image, const int second_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int first_zero, const int second_zero, const int target_zero, const int relu)
{
    const int pixel = get_global_id(0);
    if (pixel >= height * width)
        return;
    const int y = pixel / width;
    const int x = pixel % width;
    const int block = get_global_id(1);
    const size_t image = get_global_id(2);
    const BYTES one = BYTES_LOAD(first + image * first_image + block * first_plane + first_start
                                 + y * first_pitch + x * LANES);
    const BYTES other = BYTES_LOAD(second + image * second_image + block * second_plane + second_start
                                   + y * second_pitch + x * LANES);
    VEC value = (TO_FLOATS(one) - (VEC)(first_zero)) * (VEC)(scales[0])
                + (TO_FLOATS(other) - (VEC)(second_zero)) * (VEC)(scales[1]);
    if (relu)
        value = VEC_RELU(value);
    BYTES_STORE(ROUNDED(value, target_zero),
                target + image * target_image + block * target_plane + target_start + y * target_pitch
                    + x * LANES);
}
