// What two prompts share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace pgenrm {

// How many tokens two sequences have in common from their beginning on.
inline int32_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<int32_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace pgenrm
