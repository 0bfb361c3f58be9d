// SPDX-License-Identifier: MIT
/*
 * ESR_EL1 in words: what kind of exception, and for aborts which stage of the access failed and how
 * (Arm ARM D24.2.40). A table of names and a few fields; nothing is looked up elsewhere.
 */
#include <quire/pgtable.h>
#include <quire/printk.h>

#define ESR_EC(esr) (((esr) >> 26) & 0x3f)
#define ESR_IL(esr) (((esr) >> 25) & 1)
#define ESR_ISS(esr) ((esr)&0x1ffffff)

#define ISS_WNR BIT(6)
#define ISS_S1PTW BIT(7)
#define ISS_CM BIT(8)
#define ISS_EA BIT(9)
#define ISS_FNV BIT(10)
#define ISS_ISV BIT(24)
#define ISS_FSC(iss) ((iss)&0x3f)

static const char *const class_name[64] = {
	[0x00] = "unknown reason",
	[0x01] = "trapped WFI, WFE, WFIT or WFET",
	[0x03] = "trapped MCR or MRC (coproc 15)",
	[0x04] = "trapped MCRR or MRRC (coproc 15)",
	[0x05] = "trapped MCR or MRC (coproc 14)",
	[0x06] = "trapped LDC or STC",
	[0x07] = "trapped SVE, SIMD or floating point",
	[0x08] = "trapped VMRS",
	[0x09] = "trapped pointer authentication",
	[0x0a] = "trapped LD64B or ST64B",
	[0x0c] = "trapped MRRC (coproc 14)",
	[0x0d] = "branch target exception",
	[0x0e] = "illegal execution state",
	[0x11] = "SVC (AArch32)",
	[0x12] = "HVC (AArch32)",
	[0x13] = "SMC (AArch32)",
	[0x14] = "trapped MSRR, MRRS or 128-bit system instruction",
	[0x15] = "SVC (AArch64)",
	[0x16] = "HVC (AArch64)",
	[0x17] = "SMC (AArch64)",
	[0x18] = "trapped MSR, MRS or system instruction",
	[0x19] = "trapped SVE",
	[0x1a] = "trapped ERET",
	[0x1b] = "TSTART at EL0",
	[0x1c] = "pointer authentication failure",
	[0x1d] = "trapped SME",
	[0x1e] = "granule protection check",
	[0x1f] = "implementation defined exception to EL3",
	[0x20] = "IABT (lower EL)",
	[0x21] = "IABT (current EL)",
	[0x22] = "PC alignment",
	[0x24] = "DABT (lower EL)",
	[0x25] = "DABT (current EL)",
	[0x26] = "SP alignment",
	[0x27] = "memory operation exception",
	[0x28] = "floating point (AArch32)",
	[0x2c] = "floating point (AArch64)",
	[0x2d] = "guarded control stack",
	[0x2f] = "SError",
	[0x30] = "breakpoint (lower EL)",
	[0x31] = "breakpoint (current EL)",
	[0x32] = "software step (lower EL)",
	[0x33] = "software step (current EL)",
	[0x34] = "watchpoint (lower EL)",
	[0x35] = "watchpoint (current EL)",
	[0x38] = "BKPT (AArch32)",
	[0x3a] = "vector catch (AArch32)",
	[0x3c] = "BRK (AArch64)",
	[0x3d] = "profiling exception",
};

/* A text that grows; `at` counts on past the end, as snprintf. */
struct text {
	char *buf;
	size_t size, at;
};

static void add(struct text *t, const char *fmt, ...) __printf(2, 3);
static void add(struct text *t, const char *fmt, ...)
{
	bool room = t->at < t->size;
	va_list args;

	va_start(args, fmt);
	t->at += (size_t)quire_vsnprintf(room ? t->buf + t->at : NULL, room ? t->size - t->at : 0,
					 fmt, args);
	va_end(args);
}

/* IFSC and DFSC are one numbering (Arm ARM D24.2.40, tables "fault status code"). */
static void add_fault_status(struct text *t, unsigned int fsc)
{
	static const char *const by_level[] = {"address size fault", "translation fault",
					       "access flag fault", "permission fault"};

	if (fsc < 0x10) {
		add(t, ", level %u %s", fsc & 3, by_level[fsc >> 2]);
		return;
	}
	switch (fsc) {
	case 0x10:
		add(t, ", synchronous external abort");
		return;
	case 0x11:
		add(t, ", synchronous tag check fault");
		return;
	case 0x12:
	case 0x13:
		add(t, ", level %d external abort on table walk", (int)fsc - 0x14);
		return;
	case 0x14 ... 0x17:
		add(t, ", level %u external abort on table walk", fsc - 0x14);
		return;
	case 0x18:
		add(t, ", parity or ECC error");
		return;
	case 0x1b:
		add(t, ", level -1 parity or ECC error on table walk");
		return;
	case 0x1c ... 0x1f:
		add(t, ", level %u parity or ECC error on table walk", fsc - 0x1c);
		return;
	case 0x21:
		add(t, ", alignment fault");
		return;
	case 0x23:
		add(t, ", level -1 granule protection fault on table walk");
		return;
	case 0x24 ... 0x27:
		add(t, ", level %u granule protection fault on table walk", fsc - 0x24);
		return;
	case 0x28:
		add(t, ", granule protection fault");
		return;
	case 0x29:
		add(t, ", level -1 address size fault");
		return;
	case 0x2a:
		add(t, ", level -2 translation fault");
		return;
	case 0x2b:
		add(t, ", level -1 translation fault");
		return;
	case 0x2c:
		add(t, ", level -2 address size fault");
		return;
	case 0x30:
		add(t, ", TLB conflict");
		return;
	case 0x31:
		add(t, ", unsupported atomic hardware update");
		return;
	case 0x34:
		add(t, ", implementation defined fault (lockdown)");
		return;
	case 0x35:
		add(t, ", implementation defined fault (unsupported exclusive or atomic access)");
		return;
	}
	add(t, ", reserved fault status 0x%02x", fsc);
}

static void add_abort(struct text *t, u64 iss, bool data)
{
	unsigned int fsc = ISS_FSC(iss);

	add_fault_status(t, fsc);
	if (data) {
		/* A maintenance instruction reports as a write, whatever it does. */
		if (iss & ISS_CM)
			add(t, ", cache maintenance or address translation instruction");
		else if (fsc != 0x30)
			add(t, iss & ISS_WNR ? ", write" : ", read");
		if (iss & ISS_ISV)
			add(t, ", %u bytes, register %u", 1U << ((iss >> 22) & 3),
			    (unsigned int)(iss >> 16) & 31);
	}
	if (iss & ISS_S1PTW)
		add(t, ", stage 2 fault on a stage 1 walk");
	if (iss & ISS_EA)
		add(t, ", external (EA)");
	/* FnV counts for external aborts alone. */
	if (fsc == 0x10 && (iss & ISS_FNV))
		add(t, ", FAR not valid");
}

static void add_system_register(struct text *t, u64 iss)
{
	add(t, ", %s S%u_%u_C%u_C%u_%u, register %u", iss & 1 ? "read of" : "write to",
	    (unsigned int)(iss >> 20) & 3, (unsigned int)(iss >> 14) & 7,
	    (unsigned int)(iss >> 10) & 15, (unsigned int)(iss >> 1) & 15,
	    (unsigned int)(iss >> 17) & 7, (unsigned int)(iss >> 5) & 31);
}

static void add_serror(struct text *t, u64 iss)
{
	static const char *const kind[] = {"uncontainable",
					   "unrecoverable",
					   "restartable",
					   "recoverable",
					   NULL,
					   NULL,
					   "corrected",
					   NULL};

	if (iss & ISS_ISV) {
		add(t, ", implementation defined syndrome");
		return;
	}
	if (ISS_FSC(iss) != 0x11) {
		add(t, ", uncategorised");
		return;
	}
	add(t, ", asynchronous, %s", kind[(iss >> 10) & 7] ? kind[(iss >> 10) & 7] : "reserved");
}

int syndrome_describe(u64 esr, char *buf, size_t size)
{
	struct text t = {.buf = buf, .size = size};
	unsigned int ec = ESR_EC(esr);
	u64 iss = ESR_ISS(esr);

	if (size)
		buf[0] = '\0';
	if (class_name[ec])
		add(&t, "%s", class_name[ec]);
	else
		add(&t, "reserved exception class 0x%02x", ec);
	switch (ec) {
	case 0x20:
	case 0x21:
		add_abort(&t, iss, false);
		break;
	case 0x24:
	case 0x25:
		add_abort(&t, iss, true);
		break;
	case 0x34:
	case 0x35:
		add(&t, iss & ISS_CM	? ", cache maintenance instruction"
			: iss & ISS_WNR ? ", write"
					: ", read");
		break;
	case 0x11:
	case 0x12:
	case 0x13:
	case 0x15:
	case 0x16:
	case 0x17:
	case 0x38:
	case 0x3c:
		add(&t, ", immediate 0x%04x", (unsigned int)(iss & 0xffff));
		break;
	case 0x0d:
		add(&t, ", BTYPE %u", (unsigned int)(iss & 3));
		break;
	case 0x18:
		add_system_register(&t, iss);
		break;
	case 0x2f:
		add_serror(&t, iss);
		break;
	case 0x00:
		break;
	default:
		if (iss)
			add(&t, ", ISS 0x%07x", (unsigned int)iss);
	}
	/* Undefined for classes that always report 32-bit length; said where it tells something. */
	if (!ESR_IL(esr) && ec != 0x00)
		add(&t, ", 16-bit instruction");
	return (int)t.at;
}
