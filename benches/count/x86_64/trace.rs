//! What a kernel executes, instruction by instruction: this program once more as a child that is traced while it
//! scans, from branch to branch. Knows nothing of ports or records.
//!
//! A kernel with EVEX instructions (AVX-512) is counted on a CPU without them too. CPUID is answered as though they
//! were there, and what the CPU then refuses is skipped: a search that hits nothing takes the same way whatever is in
//! the vector registers, as long as every test for hits says that there is none.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio, exit};

use iced_x86::{Decoder, DecoderOptions, EncodingKind, FlowControl, Instruction, Mnemonic};
use miner_core::bitcoin::Target;
use miner_core::{NonceRange, Prepared, WorkUnit, sha256};
use miner_cpu::by_name;
use nix::libc::user_regs_struct as Registers;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// The first argument of the child.
pub(crate) const CHILD: &str = "--child";
/// The child's exit status where the CPU lacks what the kernel needs.
const UNAVAILABLE: i32 = 3;
/// An instruction is no longer than this.
const LONGEST: usize = 15;
const BREAKPOINT: [u8; 1] = [0xcc];
const CARRY_FLAG: u64 = 1;
const ZERO_FLAG: u64 = 1 << 6;

/// What is traced: a kernel, and the rectangle that it searches without a hit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) kernel: &'a str,
    pub(crate) midstates: u32,
    pub(crate) nonces: u32,
}

/// The child: stops, searches, stops.
pub(crate) fn child(kernel: &str, midstates: u32, nonces: u32) -> ! {
    let midstates = (0..midstates).map(|index| sha256::midstate(&[(index % 256) as u8; 64])).collect();
    // Where blocks of nonces begin; none of the first ones is a hit.
    let nonces = NonceRange::starting_at(0, nonces.into());
    let unit = WorkUnit::new(midstates, [0x4a5e_1e4b, 0x29ab_5f49, 0xffff_001d], nonces, Target::ZERO);
    let prepared = Prepared::new(&unit);
    ptrace::traceme().expect("a child may be traced");
    raise(Signal::SIGSTOP).expect("a process may stop itself");
    // After the stop: here the CPU is asked what it has.
    let Ok(kernel) = by_name(kernel) else { exit(UNAVAILABLE) };
    let end = kernel.scan(&prepared, nonces, &mut |candidate| panic!("{candidate:?} is no hit"));
    assert!(end.is_continue());
    raise(Signal::SIGSTOP).expect("a process may stop itself");
    exit(0)
}

/// Calls `seen` with each instruction that a search executes, in order. `false`: this CPU lacks what the kernel needs.
pub(crate) fn follow(search: Search, mut seen: impl FnMut(&Instruction)) -> io::Result<bool> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([CHILD, search.kernel, &search.midstates.to_string(), &search.nonces.to_string()]);
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let mut traced = Traced::new(Pid::from_raw(child.id().try_into().expect("a process's number is one")))?;
    let stopped = loop {
        match traced.advance(&mut seen)? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
            end => break end,
        }
    };
    child.kill()?;
    child.wait()?;
    match stopped {
        WaitStatus::Stopped(_, Signal::SIGSTOP) => Ok(true),
        WaitStatus::Exited(_, UNAVAILABLE) => Ok(false),
        other => Err(io::Error::other(format!("{search:?} ended with {other:?}"))),
    }
}

/// A child under way.
struct Traced {
    pid: Pid,
    memory: File,
    /// What was executed, by address.
    decoded: HashMap<u64, Instruction>,
    has_avx512: bool,
}

impl Traced {
    fn new(pid: Pid) -> io::Result<Self> {
        match waitpid(pid, None)? {
            WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
            other => return Err(io::Error::other(format!("the child began with {other:?}"))),
        }
        let memory = File::options().read(true).write(true).open(format!("/proc/{pid}/mem"))?;
        let has_avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
        Ok(Self { pid, memory, decoded: HashMap::new(), has_avx512 })
    }

    fn instruction(&mut self, address: u64) -> io::Result<Instruction> {
        if let Some(known) = self.decoded.get(&address) {
            return Ok(*known);
        }
        let mut bytes = [0; LONGEST];
        self.memory.read_exact_at(&mut bytes, address)?;
        let instruction = Decoder::with_ip(64, &bytes, address, DecoderOptions::NONE).decode();
        self.decoded.insert(address, instruction);
        Ok(instruction)
    }

    /// Straight on, and over the next instruction that is watched.
    fn advance(&mut self, seen: &mut impl FnMut(&Instruction)) -> io::Result<WaitStatus> {
        let begin = ptrace::getregs(self.pid)?.rip;
        let mut next = self.instruction(begin)?;
        while !self.is_watched(&next) {
            seen(&next);
            next = self.instruction(next.next_ip())?;
        }
        if next.ip() != begin {
            let stopped = self.run_to(next.ip())?;
            if stopped != WaitStatus::Stopped(self.pid, Signal::SIGTRAP) {
                return Ok(stopped);
            }
        }
        seen(&next);
        Ok(self.step(&next)?)
    }

    /// Whether it may lead elsewhere than to the next one, or is not for this CPU.
    fn is_watched(&self, instruction: &Instruction) -> bool {
        instruction.flow_control() != FlowControl::Next
            || !self.has_avx512
                && (matches!(instruction.mnemonic(), Mnemonic::Cpuid | Mnemonic::Xgetbv)
                    || is_avx512(instruction))
    }

    /// Goes on until just before the instruction at an address.
    fn run_to(&self, address: u64) -> io::Result<WaitStatus> {
        let mut instead = [0];
        self.memory.read_exact_at(&mut instead, address)?;
        self.memory.write_all_at(&BREAKPOINT, address)?;
        ptrace::cont(self.pid, None)?;
        let stopped = waitpid(self.pid, None)?;
        self.memory.write_all_at(&instead, address)?;
        if matches!(stopped, WaitStatus::Stopped(..)) {
            let registers = ptrace::getregs(self.pid)?;
            ptrace::setregs(self.pid, Registers { rip: address, ..registers })?;
        }
        Ok(stopped)
    }

    /// Executes one instruction, or does what stands for it.
    fn step(&self, instruction: &Instruction) -> nix::Result<WaitStatus> {
        let before = ptrace::getregs(self.pid)?;
        if !self.has_avx512 && is_avx512(instruction) {
            ptrace::setregs(self.pid, skipped(instruction, before))?;
            return Ok(WaitStatus::Stopped(self.pid, Signal::SIGTRAP));
        }
        ptrace::step(self.pid, None)?;
        let stopped = waitpid(self.pid, None)?;
        if !self.has_avx512 && matches!(instruction.mnemonic(), Mnemonic::Cpuid | Mnemonic::Xgetbv) {
            ptrace::setregs(self.pid, with_avx512(instruction, before, ptrace::getregs(self.pid)?))?;
        }
        Ok(stopped)
    }
}

fn is_avx512(instruction: &Instruction) -> bool {
    let mut registers = (0..instruction.op_count()).map(|operand| instruction.op_register(operand));
    instruction.encoding() == EncodingKind::EVEX || registers.any(iced_x86::Register::is_k)
}

/// Behind an instruction that was not executed. One that brings a mask to where branches see it says that no lane is
/// in it.
fn skipped(instruction: &Instruction, before: Registers) -> Registers {
    let mut after = Registers { rip: instruction.next_ip(), ..before };
    match instruction.mnemonic() {
        Mnemonic::Kortestb | Mnemonic::Kortestw | Mnemonic::Kortestd | Mnemonic::Kortestq => {
            after.eflags = after.eflags & !CARRY_FLAG | ZERO_FLAG;
        }
        Mnemonic::Kmovb | Mnemonic::Kmovw | Mnemonic::Kmovd | Mnemonic::Kmovq => {
            zero(instruction.op0_register().full_register(), &mut after);
        }
        _ => {}
    }
    after
}

fn zero(register: iced_x86::Register, registers: &mut Registers) {
    use iced_x86::Register::*;
    let place = match register {
        RAX => &mut registers.rax,
        RBX => &mut registers.rbx,
        RCX => &mut registers.rcx,
        RDX => &mut registers.rdx,
        RSI => &mut registers.rsi,
        RDI => &mut registers.rdi,
        RBP => &mut registers.rbp,
        R8 => &mut registers.r8,
        R9 => &mut registers.r9,
        R10 => &mut registers.r10,
        R11 => &mut registers.r11,
        R12 => &mut registers.r12,
        R13 => &mut registers.r13,
        R14 => &mut registers.r14,
        R15 => &mut registers.r15,
        // Into a mask or into memory, neither of which a branch sees.
        _ => return,
    };
    *place = 0;
}

/// The answer of CPUID, with AVX-512 F, DQ, CD, BW and VL, or of XGETBV, with all of their state switched on.
fn with_avx512(instruction: &Instruction, asked: Registers, answer: Registers) -> Registers {
    const FEATURES: u64 = 1 << 16 | 1 << 17 | 1 << 28 | 1 << 30 | 1 << 31;
    const STATE: u64 = 0xe6;
    let leaf = asked.rax as u32;
    match instruction.mnemonic() {
        Mnemonic::Xgetbv => Registers { rax: answer.rax | STATE, ..answer },
        _ if leaf == 7 && asked.rcx as u32 == 0 => Registers { rbx: answer.rbx | FEATURES, ..answer },
        _ => answer,
    }
}
