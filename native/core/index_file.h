// The index file: hnswlib's format for f32 vectors; for others the same behind a preface of its own.
// Numbers are little-endian. Twin of assembly/index-file.ts.
#pragma once

#include <cstdint>

#include "core/codec.h"

namespace pgenrm {

// Stands before files whose vectors are not f32, in place of hnswlib's first field (always 0).
struct IndexFilePreface {
  char magic[8];
  uint32_t version;
  uint32_t storage;
  uint32_t metric;
  uint32_t dim;
};

constexpr char INDEX_FILE_MAGIC[8] = {'p', 'g', 'e', 'n', 'r', 'm', 'i', 'x'};
constexpr uint32_t INDEX_FILE_VERSION = 1;

#pragma pack(push, 1)
// hnswlib writes its fields one after the other.
struct IndexFileHeader {
  uint64_t offset_level0;
  uint64_t max_elements;
  uint64_t n_elements;
  uint64_t record_bytes;
  uint64_t label_at;
  uint64_t data_at;
  int32_t max_level;
  uint32_t entry;
  uint64_t max_links;
  uint64_t max_links0;
  uint64_t links;
  double level_factor;
  uint64_t build_effort;
};
#pragma pack(pop)

// Bytes of a stored vector in the file: an 8-bit vector keeps its scale before the codes.
inline size_t file_vector_bytes(Storage storage, size_t dim) {
  switch (storage) {
    case Storage::f32: return dim * 4;
    case Storage::f16: return dim * 2;
    case Storage::int8: return dim + 4;
  }
  return 0;
}

}  // namespace pgenrm
