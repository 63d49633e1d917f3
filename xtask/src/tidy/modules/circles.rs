//! Circles in a graph: for each of its points, the shortest way back to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::tree::Id;

/// The points that each point leads to.
pub type Graph = BTreeMap<Id, BTreeSet<Id>>;

/// Each circle once, beginning with its least point, the shortest first.
pub fn circles(graph: &Graph) -> Vec<Vec<Id>> {
    let mut found: BTreeMap<BTreeSet<Id>, Vec<Id>> = BTreeMap::new();
    for start in graph.keys() {
        if let Some(mut circle) = way_back(graph, *start) {
            let least = circle.iter().enumerate().min_by_key(|(_, point)| **point).map_or(0, |(place, _)| place);
            circle.rotate_left(least);
            found.entry(circle.iter().copied().collect()).or_insert(circle);
        }
    }
    let mut circles: Vec<_> = found.into_values().collect();
    circles.sort_by_key(|circle| (circle.len(), circle.clone()));
    circles
}

/// The shortest way from a point to itself, without its end.
fn way_back(graph: &Graph, start: Id) -> Option<Vec<Id>> {
    let (mut came_from, mut waiting) = (BTreeMap::new(), VecDeque::from([start]));
    while let Some(point) = waiting.pop_front() {
        for next in graph.get(&point).into_iter().flatten() {
            if *next == start {
                let mut way = vec![point];
                while let Some(before) = way.last().and_then(|point| came_from.get(point)) {
                    way.push(*before);
                }
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(next) {
                came_from.insert(*next, point);
                waiting.push_back(*next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(Id, Id)]) -> Graph {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry(*from).or_default().insert(*to);
        }
        graph
    }

    #[test]
    fn circles_are_found_once_and_shortest_first() {
        let none: [Vec<Id>; 0] = [];
        assert_eq!(circles(&graph(&[(1, 2), (2, 3), (1, 3)])), none);
        assert_eq!(circles(&graph(&[(2, 1), (1, 2), (2, 3)])), [[1, 2]]);
        assert_eq!(circles(&graph(&[(3, 1), (1, 2), (2, 3), (3, 2)])), [vec![2, 3], vec![1, 2, 3]]);
        // Of two ways back, the shorter.
        assert_eq!(circles(&graph(&[(1, 2), (2, 3), (3, 1), (1, 4), (4, 5), (5, 3)])), [vec![1, 2, 3], vec![1, 4, 5, 3]]);
        assert_eq!(circles(&graph(&[(7, 7)])), [[7]]);
    }
}
