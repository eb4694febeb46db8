//! Measures Rust's regex engine (the crate `regex`, which rure wraps for C): one alternation of all patterns,
//! ASCII classes, searched over blocks of lines; matches are counted, nothing is written, which favours this
//! peer. A second `--patterns` file adds rules, secrets say; expressions that this engine does not take are
//! left out and counted in the configuration.

use std::process::ExitCode;

use protocol::{Args, Batch, Error, Info, Peer};
use regex::bytes::{Regex, RegexBuilder};

const PII: usize = 12; // patterns of patterns.txt; more means that a second file was given

fn main() -> ExitCode {
    protocol::run(build)
}

fn compile(expr: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expr).unicode(false).size_limit(256 << 20).dfa_size_limit(64 << 20).build()
}

fn build(args: &Args) -> Result<(Union, Info), Error> {
    let exprs: Vec<String> =
        args.patterns.iter().filter(|(_, e)| compile(e).is_ok()).map(|(_, e)| format!("(?:{e})")).collect();
    let left_out = args.patterns.len() - exprs.len();
    let re = compile(&exprs.join("|"))?;
    let mut config = format!("union of {} patterns over blocks, find only", exprs.len());
    if left_out > 0 {
        config += &format!(", {left_out} left out");
    }
    let peer = if args.patterns.len() > PII { "rure+secrets" } else { "rure" };
    let info = Info { peer: peer.into(), version: "regex 1.13.2".into(), config };
    Ok((Union { re, found: 0 }, info))
}

struct Union {
    re: Regex,
    found: usize,
}

impl Peer for Union {
    fn prepare(&mut self, _: &Batch) -> Result<(), Error> {
        self.found = 0;
        Ok(())
    }

    fn process(&mut self, batch: &Batch, from: usize, to: usize) -> Result<(), Error> {
        self.found += self.re.find_iter(batch.range(from, to)).count();
        Ok(())
    }

    fn findings(&self) -> usize {
        self.found
    }
}
