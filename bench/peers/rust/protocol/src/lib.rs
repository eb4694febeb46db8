//! The benchmark's peer protocol for Rust: the command line, the clock and the one line of JSON, as in
//! `../protocol/protocol.go`, where the rules are written down. The two must agree.
//!
//! `--patterns` may be given more than once here; the files are read one after the other.

use std::process::ExitCode;
use std::time::Instant;

use serde::Serialize;

const STEP_RECORDS: usize = 256;
const STEP_BYTES: usize = 16 << 10;
const MIN_ROUND: f64 = 0.25;
const MAX_PASSES: f64 = 1000.0;

pub type Error = Box<dyn std::error::Error>;

/// A file in memory, cut into records (lines without their line ends) and steps of records.
pub struct Batch {
    data: Vec<u8>,
    start: Vec<usize>,
    steps: Vec<usize>,
}

impl Batch {
    pub fn cut(data: Vec<u8>) -> Batch {
        let (mut start, mut steps, mut from, mut at) = (vec![0], vec![0], 0, 0);
        while at < data.len() {
            at = match data[at..].iter().position(|&c| c == b'\n') {
                Some(n) => at + n + 1,
                None => data.len(),
            };
            start.push(at);
            let records = start.len() - 1;
            if at - from >= STEP_BYTES || records - steps[steps.len() - 1] >= STEP_RECORDS {
                steps.push(records);
                from = at;
            }
        }
        if steps[steps.len() - 1] != start.len() - 1 {
            steps.push(start.len() - 1);
        }
        Batch { data, start, steps }
    }

    pub fn records(&self) -> usize {
        self.start.len() - 1
    }

    pub fn record(&self, i: usize) -> &[u8] {
        let line = self.range(i, i + 1);
        line.strip_suffix(b"\n").unwrap_or(line)
    }

    /// The bytes of records `from..to`, line ends included.
    pub fn range(&self, from: usize, to: usize) -> &[u8] {
        &self.data[self.start[from]..self.start[to]]
    }

    fn keep(&mut self, steps: usize) {
        self.steps.truncate(steps + 1);
        self.start.truncate(self.steps[steps] + 1);
        self.data.truncate(self.start[self.start.len() - 1]);
    }
}

/// What is measured. Only `process` runs on the clock.
pub trait Peer {
    /// Gets the records of the next pass, for peers whose API wants them in a form of its own.
    fn prepare(&mut self, batch: &Batch) -> Result<(), Error>;
    /// Handles records `from..to` of the batch given last.
    fn process(&mut self, batch: &Batch, from: usize, to: usize) -> Result<(), Error>;
    /// How many values the last pass found.
    fn findings(&self) -> usize;
}

pub struct Info {
    pub peer: String,
    pub version: String,
    pub config: String,
}

#[derive(Default)]
pub struct Args {
    pub json: bool,
    pub patterns: Vec<(String, String)>,
    rounds: usize,
    seconds: f64,
    file: String,
}

#[derive(Serialize, Default)]
struct Round {
    user_s: f64,
    sys_s: f64,
    wall_s: f64,
}

#[derive(Serialize)]
struct Report {
    peer: String,
    version: String,
    config: String,
    bytes: usize,
    records: usize,
    findings: usize,
    passes: usize,
    file_bytes: usize,
    rounds: Vec<Round>,
}

/// Runs the peer that `build` makes over the file of the command line and prints the result.
pub fn run<P: Peer>(build: impl FnOnce(&Args) -> Result<(P, Info), Error>) -> ExitCode {
    match try_run(build) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("peer: {e}");
            ExitCode::FAILURE
        }
    }
}

fn try_run<P: Peer>(build: impl FnOnce(&Args) -> Result<(P, Info), Error>) -> Result<(), Error> {
    let args = parse(std::env::args().skip(1))?;
    let mut batch = Batch::cut(std::fs::read(&args.file)?);
    if batch.records() == 0 {
        return Err("the file is empty".into());
    }
    let (mut peer, info) = build(&args)?;
    let file_bytes = batch.data.len();
    let (mut warm, steps, _) = pass(&mut peer, &batch, args.seconds)?;
    if steps == batch.steps.len() - 1 {
        // The first pass over a short file may have paid for caches, so it does not set how often to repeat.
        warm = pass(&mut peer, &batch, f64::INFINITY)?.0;
    }
    batch.keep(steps);
    let want = MIN_ROUND.min(args.seconds / 2.0);
    let passes = (want / warm.wall_s.max(1e-9)).ceil().clamp(1.0, MAX_PASSES) as usize;
    let mut report = Report {
        peer: info.peer,
        version: info.version,
        config: info.config,
        bytes: passes * batch.data.len(),
        records: passes * batch.records(),
        findings: 0,
        passes,
        file_bytes,
        rounds: Vec::new(),
    };
    for _ in 0..args.rounds {
        let mut sum = Round::default();
        report.findings = 0;
        for _ in 0..passes {
            let (r, _, found) = pass(&mut peer, &batch, f64::INFINITY)?;
            sum.user_s += r.user_s;
            sum.sys_s += r.sys_s;
            sum.wall_s += r.wall_s;
            report.findings += found;
        }
        report.rounds.push(sum);
    }
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn pass<P: Peer>(peer: &mut P, batch: &Batch, seconds: f64) -> Result<(Round, usize, usize), Error> {
    peer.prepare(batch)?;
    let (user, sys) = cpu();
    let wall = Instant::now();
    let mut done = 0;
    while done < batch.steps.len() - 1 {
        peer.process(batch, batch.steps[done], batch.steps[done + 1])?;
        done += 1;
        if wall.elapsed().as_secs_f64() >= seconds {
            break;
        }
    }
    let wall_s = wall.elapsed().as_secs_f64();
    let (user_after, sys_after) = cpu();
    let round = Round { user_s: user_after - user, sys_s: sys_after - sys, wall_s };
    Ok((round, done, peer.findings()))
}

/// User and system CPU seconds of this process so far.
fn cpu() -> (f64, f64) {
    let mut u = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: getrusage fills the struct it is given, and a zeroed rusage is valid should it fail.
    let u = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, u.as_mut_ptr());
        u.assume_init()
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    (seconds(u.ru_utime), seconds(u.ru_stime))
}

fn parse(argv: impl Iterator<Item = String>) -> Result<Args, Error> {
    let mut args = Args { rounds: 3, seconds: 2.0, ..Args::default() };
    let mut files = Vec::new();
    let mut argv = argv;
    while let Some(arg) = argv.next() {
        let Some(flag) = arg.strip_prefix('-') else {
            files.push(arg);
            continue;
        };
        let value = argv.next().ok_or("a flag has no value")?;
        match flag.trim_start_matches('-') {
            "rounds" => args.rounds = value.parse()?,
            "seconds" => args.seconds = value.parse()?,
            "mode" if value == "lines" || value == "json" => args.json = value == "json",
            "mode" => return Err("--mode is lines or json".into()),
            "patterns" => read_patterns(&value, &mut args.patterns)?,
            _ => return Err("unknown flag".into()),
        }
    }
    if files.len() != 1 {
        return Err(format!("want one file, got {}", files.len()).into());
    }
    if args.rounds < 1 || args.seconds.is_nan() || args.seconds <= 0.0 {
        return Err("--rounds and --seconds must be positive".into());
    }
    args.file = files.remove(0);
    if args.patterns.is_empty() {
        read_patterns("patterns.txt", &mut args.patterns)?;
    }
    Ok(args)
}

/// Lines of a name and an expression parted by a tab; empty lines and lines that begin with # are comments.
fn read_patterns(file: &str, into: &mut Vec<(String, String)>) -> Result<(), Error> {
    let before = into.len();
    for (i, line) in std::fs::read_to_string(file)?.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once('\t') {
            Some((name, expr)) if !name.is_empty() && !expr.is_empty() => into.push((name.into(), expr.into())),
            _ => return Err(format!("{file}:{}: want a name, a tab and a pattern", i + 1).into()),
        }
    }
    if into.len() == before {
        return Err(format!("{file}: no pattern").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_keeps_every_byte() {
        let long = "line\n".repeat(1000);
        let wide = format!("{}\nz\n", "y".repeat(40_000));
        for text in ["a\n", "a", "\n", "\n\n", "a\nb", "a\n\nb\n", &long, &wide] {
            let b = Batch::cut(text.as_bytes().to_vec());
            let joined: Vec<u8> = b.steps.windows(2).flat_map(|w| b.range(w[0], w[1]).to_vec()).collect();
            assert_eq!(joined, text.as_bytes());
            let want: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
            assert_eq!(b.records(), want.len());
            for (i, w) in want.iter().enumerate() {
                assert_eq!(b.record(i), w.as_bytes());
            }
        }
    }

    #[test]
    fn keep_shortens_to_whole_steps() {
        let mut b = Batch::cut("x\n".repeat(3 * STEP_RECORDS).into_bytes());
        b.keep(2);
        assert_eq!((b.records(), b.data.len()), (2 * STEP_RECORDS, 4 * STEP_RECORDS));
    }
}
