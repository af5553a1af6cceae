//! What the stages do to a file: text is normalised, then packed. Both forms carry the length and
//! the checksum of the text, so that a torn one is recognised wherever it turns up.

/// The text, as it is.
const TEXT: &[u8; 4] = b"TEXT";
/// The text, its runs of equal bytes packed.
const PACK: &[u8; 4] = b"PACK";
const HEADER: usize = 4 + 8 + 8;

/// Line ends become `\n`, blanks before them go, letters become capitals.
pub fn normalise(raw: &[u8]) -> Vec<u8> {
    let mut out = vec![0; HEADER];
    out.reserve(raw.len());
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let (line, ended) = match line {
            [line @ .., b'\n'] => (line, true),
            line => (line, false),
        };
        out.extend(line.trim_ascii_end().iter().map(u8::to_ascii_uppercase));
        if ended {
            out.push(b'\n');
        }
    }
    seal(TEXT, checksum(&out[HEADER..]), out.len() - HEADER, &mut out);
    out
}

/// The packed form of a text in its normalised one.
pub fn pack(text: &[u8]) -> Result<Vec<u8>, String> {
    let (form, sum) = text_of(text)?;
    if form != *TEXT {
        return Err("it is packed already".into());
    }
    let body = &text[HEADER..];
    let mut out = vec![0; HEADER];
    let (mut at, mut literal) = (0, 0);
    while at < body.len() {
        let run = body[at..].iter().take(130).take_while(|byte| **byte == body[at]).count();
        if run >= 3 {
            push_literals(&body[literal..at], &mut out);
            out.extend([(run - 3) as u8 | 0x80, body[at]]);
            at += run;
            literal = at;
        } else {
            at += run;
        }
    }
    push_literals(&body[literal..], &mut out);
    seal(PACK, sum, body.len(), &mut out);
    Ok(out)
}

/// The checksum of the text in either form, which must be whole; and which form it is.
pub fn text_of(bytes: &[u8]) -> Result<([u8; 4], u64), String> {
    let (header, body) = bytes.split_at_checked(HEADER).ok_or("it has no header")?;
    let word = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
    let form: [u8; 4] = header[..4].try_into().expect("four bytes");
    let (len, sum) = (word(4), word(12));
    let unpacked;
    let text = match &form {
        TEXT => body,
        PACK => {
            unpacked = unpack(body)?;
            &unpacked
        }
        other => return Err(format!("its header starts with {other:?}")),
    };
    if text.len() as u64 != len {
        return Err(format!("its text has {} bytes, the header says {len}", text.len()));
    }
    let found = checksum(text);
    if found != sum {
        return Err(format!("its text has the checksum {found:016x}, the header says {sum:016x}"));
    }
    Ok((form, sum))
}

fn push_literals(mut bytes: &[u8], out: &mut Vec<u8>) {
    while !bytes.is_empty() {
        let (some, rest) = bytes.split_at(bytes.len().min(128));
        out.push((some.len() - 1) as u8);
        out.extend_from_slice(some);
        bytes = rest;
    }
}

fn unpack(mut body: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(body.len());
    while let [control, rest @ ..] = body {
        let n = usize::from(*control & 0x7f);
        if *control & 0x80 == 0 {
            let (literals, rest) = rest.split_at_checked(n + 1).ok_or("it ends within literals")?;
            out.extend_from_slice(literals);
            body = rest;
        } else {
            let (byte, rest) = rest.split_first().ok_or("it ends within a run")?;
            out.resize(out.len() + n + 3, *byte);
            body = rest;
        }
    }
    Ok(out)
}

fn seal(form: &[u8; 4], sum: u64, len: usize, out: &mut [u8]) {
    out[..4].copy_from_slice(form);
    out[4..12].copy_from_slice(&(len as u64).to_le_bytes());
    out[12..20].copy_from_slice(&sum.to_le_bytes());
}

/// Tells texts apart; no protection against anyone.
pub fn checksum(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(ODD).rotate_left(31);
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words.iter().fold(bytes.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    mix(rest.iter().fold(sum, |sum, byte| mix(sum, u64::from(*byte))), ODD)
}
