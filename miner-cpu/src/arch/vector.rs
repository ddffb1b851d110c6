//! What makes a vector type of a table of its instructions: the only `unsafe` that vectors need.

/// `vector! { Name(register), 4 lanes: method(arguments) => instructions; … }` makes a type with the methods
/// of [`Lanes`](crate::lanes::Lanes) that the table lists: numbers come in as words, vectors as registers.
macro_rules! vector {
    ($name:ident($register:ty), $lanes:literal lanes: $($method:ident($($x:ident),*) => $value:expr;)*) => {
        #[derive(Clone, Copy)]
        struct $name($register);

        impl crate::lanes::Lanes for $name {
            const LANES: u32 = $lanes;

            $(vector! { @$method($($x),*) $value })*
        }
    };
    (@splat($word:ident) $value:expr) => {
        #[inline(always)]
        fn splat($word: u32) -> Self {
            Self(vector!(@vouched $value))
        }
    };
    (@iota() $value:expr) => {
        #[inline(always)]
        fn iota() -> Self {
            Self(vector!(@vouched $value))
        }
    };
    (@eq($a:ident, $b:ident) $value:expr) => {
        #[inline(always)]
        fn eq(self, other: Self) -> u32 {
            let (Self($a), Self($b)) = (self, other);
            vector!(@vouched $value)
        }
    };
    (@shr($a:ident, $bits:ident) $value:expr) => {
        vector! { @by_bits shr($a, $bits) $value }
    };
    (@rotr($a:ident, $bits:ident) $value:expr) => {
        vector! { @by_bits rotr($a, $bits) $value }
    };
    (@by_bits $method:ident($a:ident, $bits:ident) $value:expr) => {
        #[inline(always)]
        fn $method(self, $bits: u32) -> Self {
            let Self($a) = self;
            Self(vector!(@vouched $value))
        }
    };
    (@$method:ident($a:ident, $b:ident $(, $c:ident)?) $value:expr) => {
        #[inline(always)]
        fn $method(self, $b: Self $(, $c: Self)?) -> Self {
            let (Self($a), Self($b) $(, Self($c))?) = (self, $b $(, $c)?);
            Self(vector!(@vouched $value))
        }
    };
    (@vouched $value:expr) => {
        // SAFETY: reached from the kernel's entry alone (the contract of `Lanes`), whose caller vouches for
        // the instructions.
        unsafe { $value }
    };
}
pub(crate) use vector;
