//! The report as one file for a browser: what was measured on what, a picture, and the numbers. It loads nothing and
//! runs nothing.

use super::compare::{Comparison, Pair};
use super::report::{COLUMNS, PROOF, Report, Row};
use super::stats::Median;
use crate::system::System;

const STYLE: &str = include_str!("report.css");

/// Units of the picture: where the bars begin, how long the longest is, how high a row is, and how wide all of it.
const LEFT: f64 = 190.0;
const LENGTH: f64 = 600.0;
const ROW: f64 = 34.0;
const WIDTH: f64 = 900.0;

/// The whole file.
pub(crate) fn page(report: &Report, comparison: Option<&Comparison>) -> String {
    let Report { system, results, .. } = report;
    let rows = results.iter().map(|row| table_row(&row.cells(), 1));
    let compared = comparison.map(compared).unwrap_or_default();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>miner bench: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>miner bench</h1>\n{}<h2>Hashrate</h2>\n{}\
         <p>A bar is the median of the rounds, which are the dots; the line is the interval that holds it with at \
         least 95 % probability.</p>\n{compared}<h2>Numbers</h2>\n{}<p>{}</p>\n</body>\n</html>\n",
        escaped(&system.cpu),
        facts(system),
        picture(results),
        table(&COLUMNS, 1, rows),
        escaped(PROOF),
    )
}

fn facts(system: &System) -> String {
    let System { cpu, microcode, governor, cores, os, rustc, commit } = system;
    let cores = cores.to_string();
    let facts = [
        ("CPU", cpu),
        ("cores", &cores),
        ("microcode", microcode),
        ("governor", governor),
        ("system", os),
        ("compiler", rustc),
        ("commit", commit),
    ];
    let each = facts.map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>\n", escaped(value)));
    format!("<dl>\n{}</dl>\n", each.concat())
}

/// A bar for each row, with its interval and its rounds, all on one scale.
fn picture(rows: &[Row]) -> String {
    let highest =
        rows.iter().flat_map(|row| row.rounds.iter().copied().chain([row.hs.high])).fold(1.0, f64::max);
    let height = ROW * rows.len() as f64;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"hashrates\">\n");
    for (index, row) in rows.iter().enumerate() {
        bar(&mut svg, row, ROW * (index as f64 + 0.5), LENGTH / highest);
    }
    svg + "</svg>\n"
}

/// `y`: the row's middle. `scale`: units a hash a second.
fn bar(svg: &mut String, row: &Row, y: f64, scale: f64) {
    let [kernel, threads, rolling, rate, interval, _] = row.cells();
    let x = |hs: f64| LEFT + hs * scale;
    let Median { median, low, high } = row.hs;
    let (low, high, width) = (x(low), x(high), median * scale);
    let dot = |hs: &f64| format!("<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>", x(*hs));
    let dots: String = row.rounds.iter().map(dot).collect();
    let threads = if row.threads > 0 { format!(" × {threads}") } else { String::new() };
    let name = escaped(&format!("{kernel}{threads}, rolling {rolling}"));
    let (name_end, rate_start) = (LEFT - 10.0, LEFT + LENGTH + 12.0);
    let (top, tick, tock, text) = (y - 11.0, y - 6.0, y + 6.0, y + 5.0);
    let kind = if row.version_rolling { "on" } else { "off" };
    let whisker = format!(
        "M {low:.1} {y:.1} H {high:.1} M {low:.1} {tick:.1} V {tock:.1} M {high:.1} {tick:.1} V {tock:.1}"
    );
    let parts = [
        format!("<g class=\"{kind}\"><title>{name}: {rate}, {interval}</title>"),
        format!("<text x=\"{name_end:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{name}</text>"),
        format!("<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"22\" rx=\"3\"/>"),
        format!("<path d=\"{whisker}\"/>{dots}"),
        format!("<text x=\"{rate_start:.1}\" y=\"{text:.1}\">{rate}</text></g>"),
    ];
    parts.iter().for_each(|part| {
        svg.push_str(part);
        svg.push('\n');
    });
}

/// `texts`: how many columns hold words; the others hold numbers.
fn table(columns: &[&str], texts: usize, rows: impl Iterator<Item = String>) -> String {
    let head: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let head = cells("th", &head, texts);
    format!(
        "<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{}</tbody>\n</table>\n",
        rows.collect::<String>()
    )
}

fn table_row(row: &[String], texts: usize) -> String {
    format!("<tr>{}</tr>\n", cells("td", row, texts))
}

fn cells(kind: &str, cells: &[String], texts: usize) -> String {
    let cell = |(index, cell): (usize, &String)| {
        let class = if index < texts { "" } else { " class=\"number\"" };
        format!("<{kind}{class}>{}</{kind}>", escaped(cell))
    };
    cells.iter().enumerate().map(cell).collect()
}

fn compared(comparison: &Comparison) -> String {
    let pair = |Pair { name, ratio: Median { median, low, high } }: &Pair| {
        table_row(&[name.clone(), format!("{median:.4}"), format!("{low:.4} – {high:.4}")], 1)
    };
    let alone = |name: &String, which: &str| {
        table_row(&[name.clone(), format!("only in the {which} result"), String::new()], 1)
    };
    let rows = comparison.pairs.iter().map(pair);
    let rows = rows.chain(comparison.only_old.iter().map(|name| alone(name, "old")));
    let rows = rows.chain(comparison.only_new.iter().map(|name| alone(name, "new")));
    let other = comparison
        .other_system
        .as_deref()
        .map(escaped)
        .map(|system| format!("<p>The old result is of another CPU: {system}</p>\n"));
    let table = table(&["new to old", "ratio", "95 % interval"], 1, rows);
    format!("<h2>Against the old result</h2>\n{table}{}", other.unwrap_or_default())
}

/// A text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HOSTILE: &str = "<script>alert('1')</script>\" onload=\"x & y";

    fn report(kernel: &str, cpu: &str) -> Report {
        let hs = json!({"median": 2e6, "low": 1e6, "high": 4e6});
        serde_json::from_value(json!({
            "schema": 1,
            "system": {"cpu": cpu, "microcode": "0x1", "governor": cpu, "cores": 2, "os": "linux", "rustc": "rustc", "commit": "c"},
            "results": [{"kernel": kernel, "device": "cpu", "threads": 2, "version_rolling": true, "versions": 16, "hs": hs,
                "hashes": 1, "seconds": 1.0, "hits": 9, "hits_expected": 10.0, "rounds": [1e6, 2e6, 4e6]}],
        }))
        .unwrap()
    }

    #[test]
    fn the_file_stands_alone_and_holds_facts_picture_and_numbers() {
        let page = page(&report("sha-ni", "a CPU"), None);
        for part in [
            "a CPU",
            "<svg",
            "sha-ni × 2, rolling on",
            "2.00 MH/s",
            "1.00 MH/s – 4.00 MH/s",
            "9 / 10 (0.900)",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"] {
            assert!(!page.contains(outside), "{outside}");
        }
        // 4 MH/s is as long as there is room, and the median is half of that.
        assert!(page.contains("width=\"300.0\" height=\"22\"") && page.contains("H 790.0"), "{page}");
        assert_eq!(page.matches("<circle").count(), 3);
        for kind in ["table", "tr", "td", "svg", "g", "dl", "h2", "p", "html"] {
            let [opened, closed] = [format!("<{kind}"), format!("</{kind}>")].map(|tag| {
                page.match_indices(&tag)
                    .filter(|(at, _)| !page[at + tag.len()..].starts_with(char::is_alphanumeric))
                    .count()
            });
            assert_eq!(opened, closed, "{kind}");
        }
    }

    #[test]
    fn names_are_text() {
        let old = report("sse2", HOSTILE);
        let new = report(HOSTILE, "a CPU & more");
        let page = page(&new, Some(&Comparison::new(&old, &new)));
        assert!(
            !page.contains("<script") && !page.contains("alert('1')") && !page.contains("\" onload=\""),
            "{page}"
        );
        assert!(
            page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=&quot;x &amp; y"),
            "{page}"
        );
        assert!(page.contains("only in the old result") && page.contains("only in the new result"), "{page}");
    }
}
