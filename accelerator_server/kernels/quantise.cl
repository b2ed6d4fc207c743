// ONNX QuantizeLinear. One item: one pixel of one block of channels.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) __attribute__((vec_type_hint(VEC)))
void NAME(__global const float *restrict source, __global const float *restrict scale,
          __global uchar *restrict target, const int height, const int width,
          const int source_pitch, const int source_plane, const int source_image, const int source_start,
          const int target_pitch, const int target_plane, const int target_image, const int target_start,
          const int zero)
{
    const int pixel = get_global_id(0);
    if (pixel >= height * width)
        return;
    const int y = pixel / width;
    const int x = pixel % width;
    const int block = get_global_id(1);
    const size_t image = get_global_id(2);
    const VEC value =
        VEC_LOAD(source + image * source_image + block * source_plane + source_start + y * source_pitch + x * LANES);
    BYTES_STORE(ROUNDED(value / (VEC)(*scale), zero),
                target + image * target_image + block * target_plane + target_start + y * target_pitch
                    + x * LANES);
}
