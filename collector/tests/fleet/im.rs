//! Functions of a chat app, deep enough to make stacks that look like one.

use candor_protocol::report::Stack;

macro_rules! calls {
    ($($module:ident { $($function:ident => $next:path;)+ })+) => {
        $(pub(crate) mod $module {
            use super::Stack;
            $(
                #[inline(never)]
                pub(crate) fn $function() -> Stack {
                    // What follows the call keeps the compiler from replacing it by a jump.
                    std::hint::black_box($next())
                }
            )+
        })+
    };
}

calls! {
    history {
        open => crate::fleet::im::history::load_page;
        load_page => crate::fleet::im::history::parse_header;
        parse_header => crate::fleet::stacks::here;
    }
    render {
        frame => crate::fleet::im::render::layout;
        layout => crate::fleet::im::render::measure_bubble;
        measure_bubble => crate::fleet::stacks::here;
    }
    media {
        decode => crate::fleet::im::media::scan_line;
        scan_line => crate::fleet::stacks::here;
    }
    session {
        resume => crate::fleet::im::session::ticket;
        ticket => crate::fleet::stacks::here;
        lock => crate::fleet::stacks::here;
    }
    store {
        compact => crate::fleet::im::store::write_page;
        write_page => crate::fleet::stacks::here;
    }
}

pub(crate) mod markup {
    use super::Stack;

    #[inline(never)]
    pub(crate) fn endless() -> Stack {
        std::hint::black_box(parse(40))
    }

    #[inline(never)]
    pub(crate) fn message() -> Stack {
        std::hint::black_box(parse(2))
    }

    #[inline(never)]
    fn parse(depth: u32) -> Stack {
        std::hint::black_box(if depth == 0 {
            crate::fleet::stacks::here()
        } else {
            nested(depth - 1)
        })
    }

    #[inline(never)]
    fn nested(depth: u32) -> Stack {
        std::hint::black_box(parse(depth))
    }
}

pub(crate) mod idle {
    use super::Stack;

    #[inline(never)]
    pub(crate) fn work() -> Stack {
        std::hint::black_box(wait(3))
    }

    #[inline(never)]
    fn wait(depth: u32) -> Stack {
        std::hint::black_box(if depth == 0 {
            crate::fleet::stacks::here()
        } else {
            wait(depth - 1)
        })
    }
}
