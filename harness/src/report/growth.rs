//! How costs grow, as tables: the exponents that [`crate::results::growth`] fits.

use crate::results::growth::{Growth, LEAST_SIZES, SIZE, growth};
use crate::results::schema::Run;
use crate::workload::Unit;

use super::format;
use super::tables::{Entry, Section, Table, grouped, metric_with_params, note};
use super::view::View;

/// Adds to each section a table of exponents, where its workload was run at enough sizes.
pub fn add(run: &Run, view: &View<'_>, sections: &mut [Section]) {
    let growths = growth(run);
    for section in sections {
        let own = growths.iter().filter(|growth| growth.workload == section.name);
        let columns = grouped(own, |growth| (growth.metric.as_str(), &growth.params));
        if columns.is_empty() {
            continue;
        }
        let all: Vec<_> = columns.iter().map(|((_, params), _)| *params).collect();
        let heads = columns.iter().map(|((metric, params), _)| metric_with_params(metric, params, &all));
        let mut table = Table {
            heading: format!("growth: k of cost = c · {SIZE}^k, ± its standard error"),
            columns: heads.collect(),
            rows: Vec::new(),
        };
        for backend in &view.backends {
            let entries = columns.iter().map(|(_, column)| {
                let fit = column.iter().find(|growth| growth.backend == *backend);
                fit.map_or_else(|| Entry::Empty(few(&mut section.notes)), |growth| exponent(growth))
            });
            table.rows.push(((*backend).to_owned(), entries.collect()));
        }
        // Growth is what such a workload is for, so it comes first.
        section.tables.insert(0, table);
    }
}

fn exponent(growth: &Growth) -> Entry {
    Entry::Figure {
        value: format::figure(growth.exponent, Unit::Exponent),
        spread: Some(format!("±{}", format::figure(growth.standard_error, Unit::Exponent))),
        ratio: None,
        best: false,
        noisy: false,
    }
}

fn few(notes: &mut Vec<String>) -> usize {
    let text = format!("has figures at fewer than {LEAST_SIZES} sizes");
    note(notes, &text)
}
