// Reads typed arrays and numbers by position, and makes typed arrays and status objects.
// Ranges are checked on the TypeScript side; a wrong type throws a TypeError.
#pragma once

#include <napi.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/status.h"

namespace pgenrm::kernels {

inline double number(const Napi::CallbackInfo& info, size_t at) {
  if (!info[at].IsNumber())
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(at) + " must be a number");
  return info[at].As<Napi::Number>().DoubleValue();
}

inline uint32_t uint32(const Napi::CallbackInfo& info, size_t at) { return static_cast<uint32_t>(number(info, at)); }

inline bool flag(const Napi::CallbackInfo& info, size_t at) { return info[at].ToBoolean().Value(); }

// Elements of a typed array, valid while the call runs on the JavaScript thread.
template <class T>
struct Span {
  T* data;
  size_t size;

  std::vector<T> copied() const { return {data, data + size}; }
};

template <class T, class Array>
Span<T> elements(const Napi::CallbackInfo& info, size_t at, napi_typedarray_type type, const char* name) {
  if (!info[at].IsTypedArray() || info[at].As<Napi::TypedArray>().TypedArrayType() != type) {
    throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(at) + " must be a " + name);
  }
  const Array array = info[at].As<Array>();
  return {const_cast<T*>(array.Data()), array.ElementLength()};
}

inline Span<float> float32_array(const Napi::CallbackInfo& info, size_t at) {
  return elements<float, Napi::Float32Array>(info, at, napi_float32_array, "Float32Array");
}

inline Span<double> float64_array(const Napi::CallbackInfo& info, size_t at) {
  return elements<double, Napi::Float64Array>(info, at, napi_float64_array, "Float64Array");
}

inline Span<uint32_t> uint32_array(const Napi::CallbackInfo& info, size_t at) {
  return elements<uint32_t, Napi::Uint32Array>(info, at, napi_uint32_array, "Uint32Array");
}

inline Span<uint8_t> bytes(const Napi::CallbackInfo& info, size_t at) {
  return elements<uint8_t, Napi::Uint8Array>(info, at, napi_uint8_array, "Uint8Array");
}

template <class Array, class T>
Array new_array(Napi::Env env, const T* data, size_t n) {
  Array array = Array::New(env, n);
  if (n > 0) std::memcpy(array.Data(), data, n * sizeof(T));
  return array;
}

inline Napi::Float32Array new_float32(Napi::Env env, const std::vector<float>& v) {
  return new_array<Napi::Float32Array>(env, v.data(), v.size());
}

inline Napi::Float64Array new_float64(Napi::Env env, const std::vector<double>& v) {
  return new_array<Napi::Float64Array>(env, v.data(), v.size());
}

inline Napi::Uint32Array new_uint32(Napi::Env env, const std::vector<uint32_t>& v) {
  return new_array<Napi::Uint32Array>(env, v.data(), v.size());
}

// { code, at }: what src/kernels/status.ts turns into an error.
inline Napi::Object new_status(Napi::Env env, const Status& status) {
  Napi::Object object = Napi::Object::New(env);
  object["code"] = Napi::Number::New(env, static_cast<int32_t>(status.code));
  object["at"] = Napi::Number::New(env, static_cast<double>(status.at));
  return object;
}

}  // namespace pgenrm::kernels
