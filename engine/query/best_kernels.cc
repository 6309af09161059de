// SPDX-License-Identifier: Apache-2.0
#include "engine/query/kernels.h"

namespace embstore {

const Kernels& BestKernels() {
#ifdef EMBSTORE_X86_KERNELS
  static const bool has_avx512 =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vpopcntdq");
  if (has_avx512) return kAvx512Kernels;
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                               __builtin_cpu_supports("popcnt");
  if (has_avx2) return kAvx2Kernels;
#endif
  return kBaselineKernels;
}

}  // namespace embstore
