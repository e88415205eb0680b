// An allocator that ends the process where more alignment is asked for than Electron's gives on the strictest platform.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

static void check(size_t alignment) {
  if (alignment > 512 * 1024) abort();
}

void* aligned_alloc(size_t alignment, size_t size) {
  check(alignment);
  return ((void* (*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc"))(alignment, size);
}

void* memalign(size_t alignment, size_t size) {
  check(alignment);
  return ((void* (*)(size_t, size_t))dlsym(RTLD_NEXT, "memalign"))(alignment, size);
}

int posix_memalign(void** out, size_t alignment, size_t size) {
  check(alignment);
  return ((int (*)(void**, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign"))(out, alignment, size);
}
