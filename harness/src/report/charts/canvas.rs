//! Drawing on an SVG: text, lines, frames with axes, legends. It knows nothing of results.

use plotters::coord::Shift;
use plotters::element::{Circle, Cross, PathElement, Polygon, Rectangle, Text, TriangleMarker};
use plotters::prelude::{DrawingArea, FontTransform, IntoDrawingArea, IntoFont, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, FontStyle, RGBColor, ShapeStyle, TextStyle, WHITE};

use super::axis::Axis;
use super::palette::{Marker, Style};
use crate::report::text;

/// The width of every chart in pixels.
pub const WIDTH: i32 = 900;
/// The size of ordinary text.
pub const TEXT: i32 = 12;
/// Colour of what is less important.
pub const GREY: RGBColor = RGBColor(90, 90, 90);
const GRID: RGBColor = RGBColor(222, 222, 222);

/// A surface of [`WIDTH`] by some height, white, so that it reads on dark pages too.
pub struct Canvas<'out> {
    area: DrawingArea<SVGBackend<'out>, Shift>,
}

/// How text is placed at its point.
#[derive(Clone, Copy, Debug)]
pub enum Align {
    /// The point is at its left.
    Left,
    /// The point is at its middle.
    Middle,
    /// The point is at its right.
    Right,
}

/// Paints a picture and gives its SVG.
pub fn picture(height: i32, paint: impl FnOnce(&Canvas<'_>)) -> String {
    let mut out = String::new();
    let area = SVGBackend::with_string(&mut out, (WIDTH as u32, height.max(1) as u32)).into_drawing_area();
    done(area.fill(&WHITE));
    let canvas = Canvas { area };
    paint(&canvas);
    done(canvas.area.present());
    drop(canvas);
    out
}

/// Drawing into a string cannot fail.
fn done<E: std::fmt::Debug>(result: Result<(), E>) {
    result.expect("a string takes everything");
}

/// The width of text, estimated: without fonts nobody knows. Wide enough for common sans-serif fonts.
pub fn width(text: &str, size: i32) -> i32 {
    (text.chars().count() as f64 * f64::from(size) * 0.61).ceil() as i32
}

/// Text that is at most so wide, cut where it must be.
pub fn cut(text: &str, size: i32, room: i32) -> String {
    let text = text::plain(text);
    if width(&text, size) <= room {
        return text;
    }
    let letters = (f64::from(room.max(0)) / f64::from(size) / 0.61) as usize;
    text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}

impl Canvas<'_> {
    /// Text whose middle line is at `y`.
    pub fn text(&self, text: &str, (x, y): (i32, i32), size: i32, color: RGBColor, align: Align) {
        if text.is_empty() {
            return;
        }
        self.write(text, (x, y), &style(size, color, align));
    }

    /// The title of the chart, and under it what applies to all of it. Gives where the rest may begin.
    pub fn title(&self, title: &str, subtitle: &str) -> i32 {
        let bold = ("sans-serif", 17.0 * 1.24, FontStyle::Bold).into_font().color(&BLACK);
        self.write(&cut(title, 19, WIDTH - 40), (20, 24), &bold.pos(Pos::new(HPos::Left, VPos::Center)));
        if subtitle.is_empty() {
            return 42;
        }
        self.text(&cut(subtitle, TEXT, WIDTH - 40), (20, 46), TEXT, GREY, Align::Left);
        60
    }

    fn write(&self, text: &str, at: (i32, i32), style: &TextStyle<'_>) {
        done(self.area.draw(&Text::new(text::plain(text), at, style.clone())));
    }

    /// A line through points.
    pub fn line(&self, points: &[(i32, i32)], color: RGBColor, width: u32) {
        done(self.area.draw(&PathElement::new(points.to_vec(), color.stroke_width(width))));
    }

    /// A filled rectangle.
    pub fn bar(&self, from: (i32, i32), to: (i32, i32), color: RGBColor) {
        done(self.area.draw(&Rectangle::new([from, to], color.filled())));
    }

    /// A point.
    pub fn marker(&self, (x, y): (i32, i32), style: Style) {
        let size = if style.width > 1 { 5 } else { 4 };
        let filled: ShapeStyle = style.color.filled();
        match style.marker {
            Marker::Disc => done(self.area.draw(&Circle::new((x, y), size, filled))),
            Marker::Square => {
                self.bar((x - size + 1, y - size + 1), (x + size - 1, y + size - 1), style.color);
            }
            Marker::Triangle => done(self.area.draw(&TriangleMarker::new((x, y), size + 1, filled))),
            Marker::Diamond => {
                let corners = vec![(x - size, y), (x, y - size), (x + size, y), (x, y + size)];
                done(self.area.draw(&Polygon::new(corners, filled)));
            }
            Marker::Cross => {
                done(self.area.draw(&Cross::new((x, y), size - 1, style.color.stroke_width(2))));
            }
        }
    }

    /// Names with their lines and markers, in as many rows as they need. Gives where the rest may begin.
    pub fn legend<'a>(&self, top: i32, entries: impl IntoIterator<Item = (&'a str, Style)>) -> i32 {
        const LINE: i32 = 24;
        const ROW: i32 = 18;
        let (mut x, mut y) = (20, top + ROW / 2);
        for (name, style) in entries {
            let name = cut(name, TEXT, 300);
            let need = LINE + 6 + width(&name, TEXT) + 16;
            if x > 20 && x + need > WIDTH - 10 {
                (x, y) = (20, y + ROW);
            }
            self.line(&[(x, y), (x + LINE, y)], style.color, style.width + 1);
            self.marker((x + LINE / 2, y), style);
            self.text(&name, (x + LINE + 6, y), TEXT, BLACK, Align::Left);
            x += need;
        }
        y + ROW / 2 + 8
    }

    /// Grey text in lines that fit, words kept whole. Gives where the rest may begin.
    pub fn remark(&self, (left, top): (i32, i32), remark: &str) -> i32 {
        let mut y = top;
        for line in wrap(remark, TEXT, WIDTH - left - 10) {
            self.text(&line, (left, y + 8), TEXT, GREY, Align::Left);
            y += 16;
        }
        y
    }
}

/// Words in lines of at most `room` pixels.
pub fn wrap(text: &str, size: i32, room: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(word, size) + size <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(cut(word, size, room)),
        }
    }
    lines
}

fn style(size: i32, color: RGBColor, align: Align) -> TextStyle<'static> {
    let h = match align {
        Align::Left => HPos::Left,
        Align::Middle => HPos::Center,
        Align::Right => HPos::Right,
    };
    // The backend divides by 1.24.
    let font = ("sans-serif", f64::from(size) * 1.24).into_font();
    font.color(&color).pos(Pos::new(h, VPos::Center))
}

/// A plot's rectangle with its axes.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Left, top.
    pub from: (i32, i32),
    /// Right, bottom.
    pub to: (i32, i32),
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
}

impl Frame {
    /// The pixel of a point.
    pub fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let across = f64::from(self.to.0 - self.from.0) * self.x.place(x);
        let up = f64::from(self.to.1 - self.from.1) * self.y.place(y);
        (self.from.0 + across.round() as i32, self.to.1 - up.round() as i32)
    }

    /// The grid and what is written beside it. Axes whose title is `None` have no labels.
    pub fn draw(&self, canvas: &Canvas<'_>, x_title: Option<&str>, y_title: Option<&str>) {
        let ((left, top), (right, bottom)) = (self.from, self.to);
        let mut free = i32::MIN;
        for (value, label) in &self.x.ticks {
            let x = self.at(*value, 0.0).0;
            canvas.line(&[(x, top), (x, bottom)], GRID, 1);
            let half = width(label, TEXT) / 2;
            if x_title.is_some() && x - half > free {
                canvas.text(label, (x, bottom + 12), TEXT, GREY, Align::Middle);
                free = x + half + 6;
            }
        }
        let mut free = i32::MAX;
        for (value, label) in &self.y.ticks {
            let y = self.at(0.0, *value).1;
            canvas.line(&[(left, y), (right, y)], GRID, 1);
            if y_title.is_some() && y < free {
                canvas.text(label, (left - 6, y), TEXT, GREY, Align::Right);
                free = y - TEXT;
            }
        }
        canvas.line(&[(left, top), (left, bottom), (right, bottom)], GREY, 1);
        if let Some(title) = x_title {
            let title = format!("{title}{}", self.x.remark());
            canvas.text(&title, (i32::midpoint(left, right), bottom + 30), TEXT, GREY, Align::Middle);
        }
        if let Some(title) = y_title {
            let title = format!("{title}{}", self.y.remark());
            let turned = style(TEXT, GREY, Align::Middle).transform(FontTransform::Rotate270);
            canvas.write(&title, (left - 78, i32::midpoint(top, bottom)), &turned);
        }
    }
}
