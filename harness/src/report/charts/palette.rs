//! Colours and markers of backends, the same in every chart and every report.
//!
//! arcfs has two strong colours and thick lines; the others have Paul Tol's "muted" scheme, which
//! people with the common colour blindnesses can tell apart, and a marker each.

use plotters::style::RGBColor;

/// How a backend is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Of bars, lines and markers.
    pub color: RGBColor,
    /// Of lines, in pixels.
    pub width: u32,
    /// At the points of lines.
    pub marker: Marker,
}

impl Style {
    /// The colour of areas. Those of rivals are paler, because an area is louder than a line.
    pub fn fill(&self) -> RGBColor {
        if self.width > 1 {
            return self.color;
        }
        let pale = |part: u8| 255 - ((255 - u16::from(part)) * 3 / 5) as u8;
        RGBColor(pale(self.color.0), pale(self.color.1), pale(self.color.2))
    }
}

/// The shape of a point.
#[derive(Clone, Copy, Debug)]
pub enum Marker {
    /// A disc.
    Disc,
    /// A square.
    Square,
    /// A triangle.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// A diagonal cross.
    Cross,
}

const MARKERS: [Marker; 5] = [Marker::Disc, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Cross];

const STRONG: [RGBColor; 2] = [RGBColor(0, 90, 200), RGBColor(230, 85, 13)];

const MUTED: [RGBColor; 9] = [
    RGBColor(204, 102, 119),
    RGBColor(51, 34, 136),
    RGBColor(221, 204, 119),
    RGBColor(17, 119, 51),
    RGBColor(136, 204, 238),
    RGBColor(136, 34, 85),
    RGBColor(68, 170, 153),
    RGBColor(153, 153, 51),
    RGBColor(170, 68, 153),
];

/// Places of the names that have one of their own, so that a run of few backends has the colours of a
/// run of all.
const KNOWN: [&str; 9] = [
    "tempfile-disk",
    "tempfile-memory",
    "map-mutex",
    "map-rwlock",
    "dashmap",
    "vfs-memory",
    "object-store",
    "imbl-arcswap",
    "python-d-memfs",
];

/// The styles of backends, each a name with whether it is arcfs.
pub fn styles<'a>(backends: impl IntoIterator<Item = (&'a str, bool)>) -> Vec<Style> {
    let (mut arcfs, mut other) = (0, KNOWN.len());
    let style = |(name, is_arcfs): (&str, bool)| {
        if is_arcfs {
            arcfs += 1;
            let color = STRONG[(arcfs - 1) % STRONG.len()];
            // The second is drawn under the first, and wider, so that it is seen where they coincide.
            let width = if arcfs == 1 { 2 } else { 4 };
            return Style { color, width, marker: MARKERS[(arcfs - 1) % MARKERS.len()] };
        }
        let place = KNOWN.iter().position(|known| *known == name).unwrap_or_else(|| {
            other += 1;
            other - 1
        });
        Style { color: MUTED[place % MUTED.len()], width: 1, marker: MARKERS[(place + 2) % MARKERS.len()] }
    };
    backends.into_iter().map(style).collect()
}
