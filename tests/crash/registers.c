#include "registers.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

bool call_get(pid_t pid, struct call *ret)
{
        struct __ptrace_syscall_info info = {0};
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0 ||
            info.op != PTRACE_SYSCALL_INFO_SECCOMP)
                return false;
        ret->nr = (long)info.seccomp.nr;
        for (int i = 0; i < CALL_ARGUMENTS; i++)
                ret->arguments[i] = info.seccomp.args[i];
        return true;
}

static bool transfer(pid_t pid, bool set, int what, void *at, size_t n)
{
        struct iovec v = {at, n};
        return ptrace(set ? PTRACE_SETREGSET : PTRACE_GETREGSET, pid, what, &v) == 0;
}

#if defined(__x86_64__)
/* Number -1: nothing is executed, and the program finds what the result's register holds. */
bool call_skip(pid_t pid, long result)
{
        struct user_regs_struct r = {0};
        if (!transfer(pid, false, NT_PRSTATUS, &r, sizeof(r)))
                return false;
        r.orig_rax = (unsigned long long)-1;
        r.rax = (unsigned long long)result;
        return transfer(pid, true, NT_PRSTATUS, &r, sizeof(r));
}

bool call_set_argument(pid_t pid, int i, uint64_t value)
{
        struct user_regs_struct r = {0};
        if (!transfer(pid, false, NT_PRSTATUS, &r, sizeof(r)))
                return false;
        unsigned long long *const at[CALL_ARGUMENTS] = {&r.rdi, &r.rsi, &r.rdx, &r.r10, &r.r8, &r.r9};
        *at[i] = value;
        return transfer(pid, true, NT_PRSTATUS, &r, sizeof(r));
}
#elif defined(__aarch64__)
bool call_set_argument(pid_t pid, int i, uint64_t value)
{
        struct user_regs_struct r = {0};
        if (!transfer(pid, false, NT_PRSTATUS, &r, sizeof(r)))
                return false;
        r.regs[i] = value;
        return transfer(pid, true, NT_PRSTATUS, &r, sizeof(r));
}

bool call_skip(pid_t pid, long result)
{
        int none = -1;
        /* x0 is the result's register, too */
        return transfer(pid, true, NT_ARM_SYSTEM_CALL, &none, sizeof(none)) &&
               call_set_argument(pid, 0, (uint64_t)result);
}
#else
#error "which registers hold a system call's number and arguments here?"
#endif
