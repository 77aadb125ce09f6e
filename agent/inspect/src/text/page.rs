//! Text with or without colour. Whatever is put on a page, none of it can steer the terminal.

/// How text looks where there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    /// Bold: what to look at.
    Strong,
    /// Dimmed: what can be passed over.
    Faint,
    /// Bold and red: what is to blame.
    Bad,
    /// Yellow: what wants attention.
    Notice,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Bad => "\x1b[1;31m",
            Self::Notice => "\x1b[33m",
        }
    }
}

/// Text in the making.
pub(crate) struct Page {
    text: String,
    colour: bool,
}

impl Page {
    pub(crate) fn new(colour: bool) -> Self {
        Self {
            text: String::new(),
            colour,
        }
    }

    pub(crate) fn put(&mut self, style: Style, text: &str) -> &mut Self {
        let coloured = self.colour && style != Style::Plain;
        if coloured {
            self.text.push_str(style.code());
        }
        self.text.extend(text.chars().map(printable));
        if coloured {
            self.text.push_str("\x1b[0m");
        }
        self
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) -> &mut Self {
        while self.text.ends_with(' ') {
            self.text.pop();
        }
        self.text.push('\n');
        self
    }

    /// A blank line, unless nothing stands above it.
    pub(crate) fn gap(&mut self) -> &mut Self {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self
    }

    /// A line of its own.
    pub(crate) fn line(&mut self, style: Style, text: &str) -> &mut Self {
        self.put(style, text).end()
    }

    /// A paragraph, broken at spaces so that lines have at most 100 characters where words allow; every line is indented.
    pub(crate) fn paragraph(&mut self, style: Style, indent: usize, text: &str) -> &mut Self {
        const WIDTH: usize = 100;
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && indent + width(&line) + 1 + width(word) > WIDTH {
                self.put(Style::Plain, &" ".repeat(indent))
                    .line(style, &line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.put(Style::Plain, &" ".repeat(indent))
            .line(style, &line)
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// Characters that steer a terminal or turn the direction of writing are replaced.
const fn printable(character: char) -> char {
    match character {
        '\u{0}'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        character => character,
    }
}

/// Columns that `text` takes, where every character takes one.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

/// `text`, cut to `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_nothing_but_text_is_printed() {
        let mut page = Page::new(false);
        page.put(Style::Bad, "died").put(Style::Faint, "  ").end();
        assert_eq!(page.finish(), "died\n");
        let mut page = Page::new(true);
        page.line(Style::Bad, "died");
        assert_eq!(page.finish(), "\x1b[1;31mdied\x1b[0m\n");
    }

    #[test]
    fn nothing_that_is_shown_can_steer_the_terminal() {
        for colour in [false, true] {
            let mut page = Page::new(colour);
            page.line(Style::Plain, "\x1b[2Ja\u{9b}31mb\rc\u{202e}d");
            assert_eq!(
                page.finish(),
                "\u{fffd}[2Ja\u{fffd}31mb\u{fffd}c\u{fffd}d\n"
            );
        }
    }

    #[test]
    fn a_paragraph_is_broken_at_spaces_and_keeps_long_words() {
        let mut page = Page::new(false);
        page.paragraph(
            Style::Plain,
            2,
            &format!("{} {} end", "a".repeat(60), "b".repeat(120)),
        );
        let text = page.finish();
        let lines: Vec<usize> = text.lines().map(width).collect();
        assert_eq!(lines, [62, 122, 5]);
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abc efgh", 7), "abc...");
    }
}
