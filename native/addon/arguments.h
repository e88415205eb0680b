// Reads the arguments of a JavaScript call into plain C++ values, in named steps.
// A wrong type or range throws a TypeError or RangeError that names the argument and what came.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace pgenrm::arguments {

inline std::string described(const Napi::Value& value) { return value.ToString().Utf8Value(); }

inline Napi::Object object(const Napi::CallbackInfo& info, size_t at, const char* name) {
  if (at >= info.Length() || !info[at].IsObject()) {
    throw Napi::TypeError::New(info.Env(), std::string(name) + " must be an object");
  }
  return info[at].As<Napi::Object>();
}

inline std::string string(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsString()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

inline double number(const Napi::Object& object, const char* name, double low, double high) {
  const Napi::Value value = object.Get(name);
  if (!value.IsNumber()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a number");
  const double x = value.As<Napi::Number>().DoubleValue();
  if (!(x >= low && x <= high)) {
    throw Napi::RangeError::New(object.Env(), std::string(name) + " must lie in [" + std::to_string(low) + ", " +
                                                  std::to_string(high) + "], got " + described(value));
  }
  return x;
}

inline int32_t integer(const Napi::Object& object, const char* name, int32_t low, int32_t high) {
  const double x = number(object, name, low, high);
  if (x != static_cast<double>(static_cast<int32_t>(x))) {
    throw Napi::RangeError::New(object.Env(), std::string(name) + " must be a whole number, got " + std::to_string(x));
  }
  return static_cast<int32_t>(x);
}

inline bool boolean(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsBoolean()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a boolean");
  return value.As<Napi::Boolean>().Value();
}

// A copy of a typed array of the element type T, [n], with at least one element.
template <typename T, typename Array>
std::vector<T> elements(const Napi::Object& object, const char* name, napi_typedarray_type type, const char* type_name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
    throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a " + type_name);
  }
  const auto array = value.As<Array>();
  if (array.ElementLength() == 0) throw Napi::RangeError::New(object.Env(), std::string(name) + " must not be empty");
  return std::vector<T>(array.Data(), array.Data() + array.ElementLength());
}

inline std::vector<std::string> strings(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsArray()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be an array of strings");
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value item = array.Get(i);
    if (!item.IsString()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be an array of strings");
    texts.push_back(item.As<Napi::String>().Utf8Value());
  }
  return texts;
}

}  // namespace pgenrm::arguments
