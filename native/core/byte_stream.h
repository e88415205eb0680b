// Where an index file comes from or goes to: a file on disk or bytes in memory.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace pgenrm {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // False where fewer bytes are left.
  virtual bool read(void* out, size_t n) = 0;
  virtual uint64_t size() const = 0;
  uint64_t position() const { return position_; }
  uint64_t left() const { return size() - position_; }

  template <class T>
  bool read_one(T& value) {
    return read(&value, sizeof value);
  }

 protected:
  uint64_t position_ = 0;
};

class MemorySource : public ByteSource {
 public:
  MemorySource(const uint8_t* data, size_t n) : data_(data), n_(n) {}
  uint64_t size() const override { return n_; }
  bool read(void* out, size_t n) override {
    if (n > left()) return false;
    std::memcpy(out, data_ + position_, n);
    position_ += n;
    return true;
  }

 private:
  const uint8_t* data_;
  size_t n_;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // False where the bytes cannot be kept.
  virtual bool write(const void* data, size_t n) = 0;

  template <class T>
  bool write_one(const T& value) {
    return write(&value, sizeof value);
  }
};

class MemorySink : public ByteSink {
 public:
  bool write(const void* data, size_t n) override {
    const auto* from = static_cast<const uint8_t*>(data);
    bytes.insert(bytes.end(), from, from + n);
    return true;
  }
  std::vector<uint8_t> bytes;
};

// An open file; `path` is UTF-8.
class File {
 public:
  File(const std::string& path, const char* mode) {
#if defined(_WIN32)
    const std::wstring wide_mode(mode, mode + std::strlen(mode));
    file_ = _wfopen(std::filesystem::u8path(path).c_str(), wide_mode.c_str());
#else
    file_ = std::fopen(path.c_str(), mode);
#endif
  }
  ~File() {
    if (file_) std::fclose(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::FILE* get() const { return file_; }

  // False where what was written cannot be kept.
  bool close() {
    const bool kept = file_ && std::fclose(file_) == 0;
    file_ = nullptr;
    return kept;
  }

 private:
  std::FILE* file_ = nullptr;
};

class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::string& path) : file_(path, "rb") {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(std::filesystem::path(path), error);
    readable_ = file_.get() != nullptr && !error;
    size_ = readable_ ? bytes : 0;
  }
  bool readable() const { return readable_; }
  uint64_t size() const override { return size_; }
  bool read(void* out, size_t n) override {
    if (n > left() || std::fread(out, 1, n, file_.get()) != n) return false;
    position_ += n;
    return true;
  }

 private:
  File file_;
  bool readable_ = false;
  uint64_t size_ = 0;
};

class FileSink : public ByteSink {
 public:
  explicit FileSink(const std::string& path) : file_(path, "wb") {}
  bool write(const void* data, size_t n) override {
    return file_.get() != nullptr && std::fwrite(data, 1, n, file_.get()) == n;
  }
  bool close() { return file_.close(); }

 private:
  File file_;
};

}  // namespace pgenrm
