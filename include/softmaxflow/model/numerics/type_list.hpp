#pragma once
/// Lists of types, and one of them chosen at compile time or at run time by the same code.
///
/// A ValueSoftmax is written over a Map and a Loss. Given `Softmax` it is specialised to it; given
/// `Any<Maps>` it holds an index, and visit() branches once per use: all replicas take the same
/// way, and the arithmetic behind the branch is the same, so the bits are.

#include "softmaxflow/model/numerics/scalar.hpp"

namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET {

template <class... Items>
struct List {
    static constexpr int size = sizeof...(Items);
    static constexpr const char* names[] = {Items::name...};
    /// What a table says of each item: Row::of<Item>().
    template <class Row>
    static constexpr Row rows[size] = {Row::template of<Items>()...};
    /// Where a static array cannot be read (device code).
    SOFTMAXFLOW_HD static constexpr const char* name(int index) {
        const char* all[] = {Items::name...};
        return all[index];
    }
};

/// Whether every item keeps a contract. Where one does not, a static_assert of Check<Item> fails.
template <template <class> class Check, class... Items>
SOFTMAXFLOW_HD constexpr bool all_keep(List<Items...>) {
    return (Check<Items>::kept && ...);
}

/// Calls f(Item{}) for the item of that index; returns false if there is none.
template <class... Items, class F>
SOFTMAXFLOW_HD constexpr bool with_item(List<Items...>, int index, F&& f) {
    int i = 0;
    return ((i++ == index ? (f(Items{}), true) : false) || ...);
}

/// The place of a name in a list; its size if it is not there.
template <class ListType>
SOFTMAXFLOW_HD constexpr int index_of(const char* name) {
    constexpr int size = ListType::size;
    for (int i = 0; i < size; ++i) {
        const char *a = ListType::name(i), *b = name;
        while (*a != 0 && *a == *b) ++a, ++b;
        if (*a == *b) return i;
    }
    return size;
}

/// An item of a List known at run time only.
template <class ListType>
struct Any {
    int index = 0;
};
template <class ListType, class Item>
SOFTMAXFLOW_HD constexpr Any<ListType> any_of(Item) {
    constexpr int index = index_of<ListType>(Item::name);
    return {index};
}
template <class ListType>
SOFTMAXFLOW_HD constexpr Any<ListType> any_of(Any<ListType> any) {
    return any;
}

/// The item of that index, or a fixed item whatever the index.
template <class Item>
struct Chosen {
    SOFTMAXFLOW_HD static Item make(int) { return {}; }
};
template <class ListType>
struct Chosen<Any<ListType>> {
    SOFTMAXFLOW_HD static Any<ListType> make(int index) { return {index}; }
};
template <class Item>
SOFTMAXFLOW_HD Item chosen(int index) {
    return Chosen<Item>::make(index);
}

template <class Item, class F>
SOFTMAXFLOW_HD void visit(Item item, F&& f) {
    f(item);
}
template <class ListType, class F>
SOFTMAXFLOW_HD void visit(Any<ListType> any, F&& f) {
    with_item(ListType{}, any.index, f);
}

}  // namespace softmaxflow::model::inline SOFTMAXFLOW_TARGET
