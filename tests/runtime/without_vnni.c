/* Hides VNNI and AMX (and AVX-512 where asked) from this process, so that onnxruntime takes the very
 * kernels that it takes on a processor without them. Linux on x86-64: CPUID is made to fault for this
 * thread (arch_prctl(2), ARCH_SET_CPUID), and the handler answers it with those bits off. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012
#define BIT(n) (1u << (n))

static int keep_avx512;

static void answer(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *at = (const unsigned char *)r[REG_RIP];
  if (at[0] != 0x0f || at[1] != 0xa2) { /* not CPUID: a crash like any other */
    signal(SIGSEGV, SIG_DFL);
    return;
  }
  unsigned leaf = r[REG_RAX], part = r[REG_RCX], a = leaf, b, c = part, d;
  syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1L);
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0L);
  if (leaf == 7 && part == 0) {
    c &= ~BIT(11);                         /* AVX512_VNNI */
    d &= ~(BIT(22) | BIT(24) | BIT(25));   /* AMX-BF16, AMX-TILE, AMX-INT8 */
    if (!keep_avx512) b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31));
  }
  if (leaf == 7 && part == 1) {
    a &= ~BIT(4);                          /* AVX-VNNI */
    d &= ~(BIT(4) | BIT(10));              /* AVX-VNNI-INT8, AVX-VNNI-INT16 */
  }
  r[REG_RAX] = a, r[REG_RBX] = b, r[REG_RCX] = c, r[REG_RDX] = d;
  r[REG_RIP] += 2;
}

int hide_vnni(int with_avx512) {
  struct sigaction action;
  keep_avx512 = with_avx512;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = answer;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, 0);
  return (int)syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0L);
}
