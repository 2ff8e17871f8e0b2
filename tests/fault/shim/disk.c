// A disk that fails when a test says so, preloaded into the program under test (LD_PRELOAD).
//
// DISK_FAULT names a file. While it exists and holds "CALL ERROR", the calls it means fail on files whose path contains
// "throughline.db": "fsync EIO" fsync and fdatasync, "write ENOSPC" all that writes. With " once" behind it the first such call
// fails and all after it succeed, as those of a kernel do that has thrown away what it could not write. Each failure is a line on
// standard error: "disk: fsync fails".
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int spent;

static int is_meant(int descriptor) {
  char name[64];
  char path[1024];
  snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
  const ssize_t size = readlink(name, path, sizeof path - 1);
  if (size <= 0) return 0;
  path[size] = 0;
  return strstr(path, "throughline.db") != NULL;
}

// The error that this call shall return, or 0. Reads the order with bare system calls: the program's are ours.
static int order_for(const char* call, int descriptor) {
  const char* file = getenv("DISK_FAULT");
  if (file == NULL) return 0;
  const int before = errno;
  char order[64] = {0};
  const long opened = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
  if (opened >= 0) {
    syscall(SYS_read, opened, order, sizeof order - 1);
    syscall(SYS_close, opened);
  }
  const size_t length = strlen(call);
  int error = 0;
  if (strncmp(order, call, length) == 0 && order[length] == ' ' && is_meant(descriptor)) {
    const int is_once = strstr(order, " once") != NULL;
    if (!is_once || atomic_exchange(&spent, 1) == 0) {
      error = strstr(order, "ENOSPC") != NULL ? ENOSPC : EIO;
      dprintf(2, "disk: %s fails\n", call);
    }
  }
  errno = before;
  return error;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL_IF_ORDERED(call, descriptor)            \
  const int error = order_for(call, descriptor);     \
  if (error != 0) {                                  \
    errno = error;                                   \
    return -1;                                       \
  }

int fsync(int descriptor) {
  FAIL_IF_ORDERED("fsync", descriptor)
  return REAL(fsync)(descriptor);
}
int fdatasync(int descriptor) {
  FAIL_IF_ORDERED("fsync", descriptor)
  return REAL(fdatasync)(descriptor);
}
ssize_t write(int descriptor, const void* bytes, size_t count) {
  // Logs and sockets too come this way, and the line above is written by it.
  static __thread int inside;
  if (!inside) {
    inside = 1;
    const int error = order_for("write", descriptor);
    inside = 0;
    if (error != 0) {
      errno = error;
      return -1;
    }
  }
  return REAL(write)(descriptor, bytes, count);
}
ssize_t pwrite(int descriptor, const void* bytes, size_t count, off_t offset) {
  FAIL_IF_ORDERED("write", descriptor)
  return REAL(pwrite)(descriptor, bytes, count, offset);
}
ssize_t pwrite64(int descriptor, const void* bytes, size_t count, off64_t offset) {
  FAIL_IF_ORDERED("write", descriptor)
  return REAL(pwrite64)(descriptor, bytes, count, offset);
}
int ftruncate(int descriptor, off_t size) {
  FAIL_IF_ORDERED("write", descriptor)
  return REAL(ftruncate)(descriptor, size);
}
