//! Measures the `redact` function of VRL, the language of Vector's remap transform: a program compiled once,
//! run once an event, the patterns as its filters. Lines are the event's message. With `--mode json` the
//! program parses the message, redacts the document and encodes it, as a remap transform that sees JSON text
//! does. Making the events is not on the clock.

use std::process::ExitCode;

use protocol::{Args, Batch, Error, Info, Peer};
use vrl::compiler::{Program, TargetValue, TimeZone, runtime::Runtime, state::RuntimeState};
use vrl::value::{ObjectMap, Secrets, Value};

const MASK: &[u8] = b"[REDACTED]"; // what redact writes unless told otherwise

fn main() -> ExitCode {
    protocol::run(build)
}

fn build(args: &Args) -> Result<(Redact, Info), Error> {
    if args.patterns.iter().any(|(_, e)| e.contains('\'')) {
        return Err("a pattern holds a quote, which VRL's regex literals cannot".into());
    }
    let filters: Vec<String> = args.patterns.iter().map(|(_, e)| format!("r'{e}'")).collect();
    let filters = filters.join(", ");
    let source = if args.json {
        format!(".message = encode_json(redact(object!(parse_json!(string!(.message))), filters: [{filters}]))")
    } else {
        format!(".message = redact(string!(.message), filters: [{filters}])")
    };
    let compiled = vrl::compiler::compile(&source, &vrl::stdlib::all())
        .map_err(|d| format!("the program does not compile: {d:?}"))?;
    let info = Info {
        peer: "vrl-redact".into(),
        version: "vrl 0.38.0".into(),
        config: format!(
            "{}redact with {} filters, one event a record",
            if args.json { "parse_json, encode_json, " } else { "" },
            args.patterns.len()
        ),
    };
    Ok((
        Redact {
            program: compiled.program,
            runtime: Runtime::new(RuntimeState::default()),
            events: Vec::new(),
            masks: 0,
        },
        info,
    ))
}

struct Redact {
    program: Program,
    runtime: Runtime,
    events: Vec<TargetValue>,
    masks: usize, // masks that the input holds itself
}

fn masks(text: &[u8]) -> usize {
    text.windows(MASK.len()).filter(|w| *w == MASK).count()
}

impl Peer for Redact {
    fn prepare(&mut self, batch: &Batch) -> Result<(), Error> {
        self.events.clear();
        self.masks = 0;
        for i in 0..batch.records() {
            let mut event = ObjectMap::new();
            event.insert("message".into(), Value::from(batch.record(i)));
            self.events.push(TargetValue {
                value: Value::Object(event),
                metadata: Value::Object(ObjectMap::new()),
                secrets: Secrets::default(),
            });
            self.masks += masks(batch.record(i));
        }
        Ok(())
    }

    fn process(&mut self, _: &Batch, from: usize, to: usize) -> Result<(), Error> {
        for event in &mut self.events[from..to] {
            self.runtime.clear();
            // The runtime's own error may quote the event.
            self.runtime
                .resolve(event, &self.program, &TimeZone::default())
                .map_err(|_| "the program failed on a record")?;
        }
        Ok(())
    }

    fn findings(&self) -> usize {
        let message = |e: &TargetValue| match &e.value {
            Value::Object(o) => o.get("message").and_then(|v| v.as_bytes().map(|b| masks(b))).unwrap_or(0),
            _ => 0,
        };
        self.events.iter().map(message).sum::<usize>() - self.masks
    }
}
