"""Devices, blocks, kernels, neighbours and scaling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from ballast.compute.blocks import draw_rows, row_blocks, row_keys
from ballast.compute.devices import device
from ballast.compute.kernels import gaussian_kernel, median_distance, nearest_neighbors, squared_distances
from ballast.compute.scaling import joint_scaling
from ballast.errors import ParameterError


class TestDevice:
    def test_device_when_cpu_then_cpu(self):
        assert device("cpu").type == "cpu"

    def test_device_when_auto_then_cuda_only_where_there_is_one(self):
        import torch

        assert device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")

    def test_device_when_an_absent_cuda_is_asked_for_then_says_what_to_do(self):
        with pytest.raises(ParameterError, match=r"'cuda:99'.*\d+ CUDA devices?.*'auto' or 'cpu'"):
            device("cuda:99")


class TestBlocks:
    @pytest.mark.parametrize(("n", "bytes_per_row", "budget"), [(10, 4, 12), (10, 100, 1), (1, 1, 100), (7, 1, 7)])
    def test_row_blocks_when_joined_then_every_row_once_within_the_budget(self, n, bytes_per_row, budget):
        blocks = list(row_blocks(n, bytes_per_row, budget))
        assert np.concatenate([np.arange(n)[b] for b in blocks]).tolist() == list(range(n))
        assert all(b.stop - b.start <= max(1, budget // bytes_per_row) for b in blocks)

    def test_row_blocks_when_a_gpu_works_on_them_then_they_are_large(self):
        import torch

        (on_cpu, *rest), (on_gpu,) = (list(row_blocks(1000, 4, 400, torch.device(where))) for where in ("cpu", "cuda"))
        assert (on_cpu, len(rest), on_gpu) == (slice(0, 100), 9, slice(0, 1000))

    def test_row_blocks_when_there_are_no_rows_then_none(self):
        assert list(row_blocks(0, 4)) == []

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_row_keys_when_rows_are_equal_then_keys_are_and_only_then(self, dtype):
        rng = np.random.default_rng(0)
        X = rng.integers(-3, 4, (2000, 3)).astype(dtype)
        X[0], X[1] = -0.0, 0.0
        keys = row_keys(X)
        _, groups = np.unique(X + 0.0, axis=0, return_inverse=True)
        _, key_groups = np.unique(keys, return_inverse=True)
        assert len(set(zip(groups.ravel().tolist(), key_groups.tolist(), strict=True))) == groups.max() + 1
        assert groups.max() == key_groups.max()
        assert keys[0] == keys[1]

    def test_row_keys_when_columns_are_swapped_then_keys_differ(self):
        assert row_keys(np.array([[1.0, 2.0]]))[0] != row_keys(np.array([[2.0, 1.0]]))[0]

    def test_draw_rows_when_rows_are_permuted_then_the_same_rows_are_drawn(self):
        rng = np.random.default_rng(1)
        X = rng.standard_normal((500, 2))
        order = rng.permutation(500)
        first = X[draw_rows(X, 20, np.random.default_rng(5))]
        np.testing.assert_array_equal(X[order][draw_rows(X[order], 20, np.random.default_rng(5))], first)
        assert len(np.unique(first, axis=0)) == 20

    def test_draw_rows_when_all_are_asked_for_then_each_once(self):
        X = np.zeros((6, 1))
        assert sorted(draw_rows(X, 9, np.random.default_rng(0)).tolist()) == list(range(6))

    def test_draw_rows_when_drawn_often_then_every_row_is_as_likely(self):
        X = np.arange(50.0)[:, None]
        rng = np.random.default_rng(2)
        counts = np.bincount(np.concatenate([draw_rows(X, 10, rng) for _ in range(1000)]), minlength=50)
        assert abs(counts - 200).max() < 5 * np.sqrt(200 * 0.8)

    def test_draw_rows_when_rows_repeat_then_drawn_in_their_shares(self):
        X = np.repeat([0.0, 1.0], [900, 100])[:, None]
        rng = np.random.default_rng(3)
        share = np.mean([X[draw_rows(X, 50, rng)].mean() for _ in range(200)])
        assert share == pytest.approx(0.1, abs=0.02)


class TestKernels:
    @pytest.mark.parametrize("d", [1, 2, 40])
    def test_distances_and_kernels_when_compared_with_differences_then_equal(self, d):
        import torch

        rng = np.random.default_rng(d)
        x, c = rng.standard_normal((30, d)), rng.standard_normal((7, d))
        exact = cdist(x, c, "sqeuclidean")
        tensors = torch.from_numpy(x).float(), torch.from_numpy(c).float()
        np.testing.assert_allclose(squared_distances(*tensors), exact, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(gaussian_kernel(*tensors, 1.5), np.exp(-exact / 4.5), rtol=1e-4, atol=1e-5)
        assert gaussian_kernel(*tensors, 1.5).dtype == torch.float32

    def test_squared_distances_when_rows_are_equal_then_never_below_zero(self):
        import torch

        x = torch.from_numpy(np.random.default_rng(0).standard_normal((50, 20))).float()
        d2 = squared_distances(x, x)
        assert float(d2.min()) >= 0
        assert float(d2.diagonal().max()) < 1e-4

    def test_median_distance_when_rows_are_few_then_that_of_all_pairs(self):
        X = np.random.default_rng(0).standard_normal((200, 3))
        assert median_distance(X) == pytest.approx(np.median(pdist(X)))

    def test_median_distance_when_rows_are_equal_or_single_then_one(self):
        assert median_distance(np.ones((5, 2))) == 1.0
        assert median_distance(np.ones((1, 2))) == 1.0


class TestNeighbors:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("offset", [0.0, 1e3])
    def test_nearest_neighbors_when_compared_with_scikit_learn_then_the_same(self, dtype, offset):
        from sklearn.neighbors import NearestNeighbors

        rng = np.random.default_rng(0)
        reference, queries = ((rng.standard_normal((n, 4)) + offset).astype(dtype) for n in (3000, 200))
        distances, positions = nearest_neighbors(queries, reference, 5, choice="cpu")
        expected, where = NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(reference).kneighbors(queries)
        tolerance = 1e-9 if dtype == np.float64 else 1e-3
        assert distances.dtype == dtype
        np.testing.assert_allclose(distances, expected, atol=tolerance)
        assert (positions == where).mean() > 0.99

    def test_nearest_neighbors_when_the_rows_are_the_reference_then_no_row_is_its_own(self):
        X = np.random.default_rng(1).standard_normal((300, 2))
        X[7] = X[8]
        distances, positions = nearest_neighbors(X, X, 3, exclude_self=True, choice="cpu")
        assert (positions != np.arange(300)[:, None]).all()
        assert positions[7, 0] == 8
        assert distances[7, 0] == 0.0

    def test_nearest_neighbors_when_blocks_are_many_then_the_same(self, monkeypatch):
        import ballast.compute.kernels as kernels

        rng = np.random.default_rng(2)
        X = rng.standard_normal((500, 3))
        whole = nearest_neighbors(X, X, 4, exclude_self=True, choice="cpu")
        monkeypatch.setattr(kernels, "row_blocks", lambda n, *_, **__: row_blocks(n, 1, 7))
        for a, b in zip(nearest_neighbors(X, X, 4, exclude_self=True, choice="cpu"), whole, strict=True):
            np.testing.assert_allclose(a, b)


class TestScaling:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_joint_scaling_when_compared_with_the_pooled_rows_then_equal(self, dtype):
        rng = np.random.default_rng(0)
        X = (rng.standard_normal((400, 3)) * [1, 10, 1e-3] + [0, 5e3, 0]).astype(dtype)
        X_target = (rng.standard_normal((100, 3)) * [1, 10, 1e-3] + [2, 5e3, 0]).astype(dtype)
        pooled = np.concatenate([X, X_target]).astype(np.float64)
        mean, scale = joint_scaling(X, X_target)
        np.testing.assert_allclose(mean, pooled.mean(axis=0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(scale, pooled.std(axis=0), rtol=1e-5)
        assert mean.dtype == scale.dtype == dtype

    def test_joint_scaling_when_a_column_is_constant_then_scale_one(self):
        _, scale = joint_scaling(np.full((5, 1), 0.1), np.full((3, 1), 0.1))
        assert scale[0] == 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [1e3, -1e6, 1e12, 1e38, 1e200])
@pytest.mark.parametrize("n", [10, 300])
@pytest.mark.parametrize("row", [0, 3])
def test_joint_scaling_when_one_value_is_absurd_then_that_of_the_other_rows(row, n, value, dtype):
    rng = np.random.default_rng(0)
    X, X_target = rng.normal(5, 2, size=(n, 2)).astype(dtype), rng.normal(6, 2, size=(n, 2)).astype(dtype)
    X[row, 1] = min(value, float(np.finfo(dtype).max))
    mean, scale = joint_scaling(X, X_target)
    others = np.concatenate([np.delete(X, row, axis=0), X_target]).astype(np.float64)
    np.testing.assert_allclose(mean[1], others[:, 1].mean(), rtol=1e-6)
    np.testing.assert_allclose(scale[1], others[:, 1].std(), rtol=1e-6)


def test_joint_scaling_when_most_values_are_zero_then_the_few_others_set_the_scale_and_an_absurd_one_does_not():
    rng = np.random.default_rng(0)
    X = np.where(rng.random((2000, 2)) < 0.01, rng.exponential(3, (2000, 2)), 0.0)
    plain = X.std(axis=0)
    np.testing.assert_allclose(joint_scaling(X[:900], X[900:])[1], plain)
    X[0, 1] = 1e9
    np.testing.assert_allclose(joint_scaling(X[:900], X[900:])[1], plain, rtol=0.02)


def test_joint_scaling_when_a_column_is_skewed_then_its_long_tail_counts():
    X = np.random.default_rng(0).lognormal(0, 1.2, size=(2000, 3))
    np.testing.assert_allclose(joint_scaling(X[:900], X[900:])[1], X.std(axis=0))


def test_joint_scaling_when_columns_have_two_values_then_half_of_what_lies_between():
    rng = np.random.default_rng(0)
    rare = np.where(rng.random(2000) < 0.002, 7.0, 3.0)
    three = rng.choice([0.0, 1.0, 2.0], 2000)
    X = np.column_stack([rare, rng.standard_normal(2000), three, np.full(2000, 5.0)])
    mean, scale = joint_scaling(X[:1200], X[1200:])
    np.testing.assert_allclose(mean, X.mean(axis=0))
    np.testing.assert_allclose(scale, [2.0, X[:, 1].std(), three.std(), 1.0])
    narrow = joint_scaling(X[:1200].astype(np.float32), X[1200:].astype(np.float32))[1]
    np.testing.assert_allclose(narrow, scale, rtol=1e-5)
