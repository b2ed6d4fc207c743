// Vectors of LANES channels of one block; every other file is read once for each set of defines.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef float floats1;
typedef float16 floats16;
// Names of our own: PoCL defines vload and vstore as macros, which spoil what is pasted from them.
#define load_floats1(p) (*(p))
#define load_floats16(p) vload16(0, p)
#define store_floats1(value, p) (*(p) = (value))
#define store_floats16(value, p) vstore16(value, 0, p)
// Where the pixel of pixel.cl lies in a map.
#define AT(map) (map + image * map##_image + block * map##_plane + map##_start + y * map##_pitch + x * LANES)
#define VEC JOIN(floats, LANES)
#define VEC_LOAD(p) JOIN(load_floats, LANES)(p)
#define VEC_STORE(value, p) JOIN(store_floats, LANES)(value, p)
// fmax would turn NaN into 0 and hide a broken input.
#define VEC_RELU(value) select(value, (VEC)(0), value < (VEC)(0))
#define BYTES JOIN(bytes, LANES)
#define BYTES_LOAD(p) JOIN(load_bytes, LANES)(p)
#define BYTES_STORE(value, p) JOIN(store_bytes, LANES)(value, p)
#define INTS JOIN(ints, LANES)
#define SIGNED_LOAD(p) JOIN(load_signed, LANES)(p)
#define INTS_LOAD(p) JOIN(load_ints, LANES)(p)
#define TO_FLOATS(value) JOIN(to_floats, LANES)(value)
// As ONNX rounds: half to even, before the zero point is added.
#define ROUNDED(value, zero) JOIN(to_bytes, LANES)(rint(value) + (VEC)(zero))
typedef uchar bytes1;
typedef uchar16 bytes16;
typedef int ints1;
typedef int16 ints16;
#define load_bytes1(p) (*(p))
#define load_bytes16(p) vload16(0, p)
#define store_bytes1(value, p) (*(p) = (value))
#define store_bytes16(value, p) vstore16(value, 0, p)
#define load_signed1(p) ((int)*(p))
#define load_signed16(p) convert_int16(vload16(0, p))
#define load_ints1(p) (*(p))
#define load_ints16(p) vload16(0, p)
#define to_floats1(value) convert_float(value)
#define to_floats16(value) convert_float16(value)
#define to_bytes1(value) convert_uchar_sat(value)
#define to_bytes16(value) convert_uchar16_sat(value)
